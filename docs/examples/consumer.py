import json, sys
from confluent_kafka import Consumer

servers, topic, group = sys.argv[1:]
reader = Consumer({"bootstrap.servers": servers, "group.id": group, "auto.offset.reset": "earliest"})
reader.subscribe([topic])
while True:
    if (message := reader.poll(1)) and not message.error():
        event = json.loads(message.value())
        print(event["order_id"], event.get("type", "order_placed"), event["amount"], flush=True)
