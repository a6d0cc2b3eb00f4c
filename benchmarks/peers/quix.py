"""Count clicks by key and minute with Quix Streams, RocksDB, as its guide shows. See README.md."""

import json
import logging
import sys
import tempfile
import time
import uuid
from datetime import datetime, timedelta

from quixstreams import Application

servers, topic, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
begun = cpu = 0.0
left = events


def event_time(value: dict[str, str], _headers: object, _timestamp: float, _kind: object) -> int:
    """Epoch ms of a click."""
    global begun, cpu
    if not begun:
        begun, cpu = time.perf_counter(), time.process_time()
    return int(datetime.fromisoformat(value["timestamp"]).timestamp() * 1000)


def one_less(_value: object) -> None:
    """Tell the figures after the last event."""
    global left
    left -= 1
    if not left:
        seconds, used = time.perf_counter() - begun, time.process_time() - cpu
        print(json.dumps({"events": events, "seconds": round(seconds, 3), "cpu": round(used, 3)}), flush=True)
        app.stop()


app = Application(
    broker_address=servers,
    consumer_group=f"quix-{uuid.uuid4().hex}",
    auto_offset_reset="earliest",
    state_dir=tempfile.mkdtemp(),
    loglevel=logging.ERROR,
)
clicks = app.topic(topic, value_deserializer="json", key_deserializer="str", timestamp_extractor=event_time)
frame = app.dataframe(clicks)
frame = frame.tumbling_window(timedelta(minutes=1), grace_ms=86_400_000).count().current()
frame.update(one_less)
app.run()
