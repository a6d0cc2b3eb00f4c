import json, sys
from datetime import UTC, datetime
from confluent_kafka import Producer

servers, topic, order_id = sys.argv[1:]
order = {"order_id": order_id, "user_id": "123", "product_ids": ["abc", "def"], "amount": 99.99,
         "timestamp": datetime.now(UTC).isoformat()}
producer = Producer({"bootstrap.servers": servers, "acks": "all"})
producer.produce(topic, json.dumps(order), key=order_id)
producer.flush()
