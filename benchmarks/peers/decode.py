"""The limit: read and decode, count nothing. See README.md."""

import json
import sys
import time
from datetime import datetime

import msgspec
from confluent_kafka import Consumer, TopicPartition


class Click(msgspec.Struct, gc=False):
    """What a click must have, and its type."""

    user_id: str
    product_id: str | None
    timestamp: datetime
    type: str = "view_item"


servers, topic, events = sys.argv[1], sys.argv[2], int(sys.argv[3])
consumer = Consumer({"bootstrap.servers": servers, "group.id": "decode", "auto.offset.reset": "earliest"})
found = consumer.list_topics(topic, timeout=10).topics[topic].partitions
consumer.assign([TopicPartition(topic, number, 0) for number in found])
decode = msgspec.json.Decoder(Click).decode
begun = cpu = 0.0
left = events
while left > 0:
    messages = consumer.consume(5000, timeout=1.0)
    if messages and not begun:
        begun, cpu = time.perf_counter(), time.process_time()
    clicks = [decode(message.value()) for message in messages]
    left -= len(clicks)
seconds, used = time.perf_counter() - begun, time.process_time() - cpu
print(json.dumps({"events": events, "seconds": round(seconds, 3), "cpu": round(used, 3)}))
