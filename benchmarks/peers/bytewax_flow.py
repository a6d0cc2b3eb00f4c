"""Count clicks by product and minute with Bytewax: one worker, no recovery. See README.md."""

import json
import sys
import time
from datetime import UTC, datetime, timedelta

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower
from bytewax.testing import TestingSink, cluster_main  # cluster_main runs it in this process

servers, topic, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
begun = cpu = 0.0
left = events


def read(message: object) -> tuple[str, datetime]:
    """The product and the time of a click."""
    global begun, cpu, left
    if not begun:
        begun, cpu = time.perf_counter(), time.process_time()
    left -= 1
    if not left:
        seconds, used = time.perf_counter() - begun, time.process_time() - cpu
        print(json.dumps({"events": events, "seconds": round(seconds, 3), "cpu": round(used, 3)}), flush=True)
    event = json.loads(message.value)
    return event["product_id"], datetime.fromisoformat(event["timestamp"])


flow = Dataflow("count")
source = KafkaSource([servers], [topic], tail=False, batch_size=5000)
clicks = op.map("read", op.input("clicks", flow, source), read)
counted = win.count_window(
    "count",
    op.map("key", clicks, lambda pair: pair),
    EventClock(ts_getter=lambda pair: pair[1], wait_for_system_duration=timedelta(days=1)),
    TumblingWindower(length=timedelta(minutes=1), align_to=datetime(2020, 1, 1, tzinfo=UTC)),
    key=lambda pair: pair[0],
)
op.output("out", counted.down, TestingSink([]))
cluster_main(flow, [], 0)
