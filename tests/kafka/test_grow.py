"""One broker becomes three, and nothing is lost on the way."""

from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kafka.admin import KafkaAdminClient

from shopsite.runtime.grow import replicate_everywhere
from tests.support import until
from tests.support.servers import Cluster

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def in_sync(bootstrap: str) -> list[int]:
    """How many brokers have the whole of each partition of `orders`."""
    partitions = (
        AdminClient({"bootstrap.servers": bootstrap}).list_topics("orders", timeout=10).topics["orders"]
    )
    return [len(partition.isrs) for partition in partitions.partitions.values()]


def test_one_broker_becomes_three_with_all_its_messages(tmp_path: Path) -> None:
    one = Cluster(tmp_path / "kafka")
    try:
        one.start()
        write_hundred(one.bootstrap)
    finally:
        one.stop()

    three = Cluster(tmp_path / "kafka", brokers=3)
    try:
        three.start()
        admin = KafkaAdminClient(bootstrap_servers=three.bootstrap.split(","))
        assert replicate_everywhere(admin, 3) >= 2
        until(lambda: in_sync(three.bootstrap) == [3, 3], within=60)
        assert replicate_everywhere(admin, 3) == 0
        admin.close()

        three.services[0].stop()  # the one that had everything
        assert sorted(read_all(three.bootstrap), key=int) == [str(number) for number in range(100)]
    finally:
        three.stop()


def write_hundred(bootstrap: str) -> None:
    """Make `orders`, on one broker, with the numbers below a hundred."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic("orders", 2, 1)])["orders"].result(20)
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
    for number in range(100):
        producer.produce("orders", str(number), str(number))
    assert producer.flush(20) == 0


def read_all(bootstrap: str) -> list[str]:
    """The values of `orders`, once a hundred have come."""
    reader = {"bootstrap.servers": bootstrap, "group.id": "reader", "auto.offset.reset": "earliest"}
    consumer = Consumer(reader | {"enable.auto.commit": False})
    consumer.subscribe(["orders"])
    values: list[str] = []

    def hundred_have_come() -> bool:
        message = consumer.poll(1)
        if message is not None and not message.error():
            values.append((message.value() or b"").decode())
        return len(values) == 100

    try:
        until(hundred_have_come, within=60)
    finally:
        consumer.close()
    return values
