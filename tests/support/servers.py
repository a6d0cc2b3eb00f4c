"""The real servers of a test run: one Kafka and one Redis, started when the first test asks for them."""

import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from kafka.admin import KafkaAdminClient

from shopsite.events.topics import TOPICS, ensure_topics, topic_name
from shopsite.runtime.kafka import EmbeddedKafka, prepare_kafka
from shopsite.runtime.redis import prepare_redis
from shopsite.runtime.service import Service
from tests.support import until


def unique() -> str:
    """A short word that no other test has."""
    return uuid.uuid4().hex[:8]


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """A folder that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=f"shopsite-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Cluster:
    """Embedded brokers that a test can stop, kill and start again."""

    def __init__(self, folder: Path, brokers: int = 1) -> None:
        self.embedded: EmbeddedKafka = prepare_kafka(folder, brokers=brokers)
        self.bootstrap = self.embedded.bootstrap
        self.services = [Service(program) for program in self.embedded.programs]

    def start(self) -> None:
        """Start whatever does not run, and wait for all."""
        for service in self.services:
            if not service.is_alive():
                service.start()
        for service in self.services:
            service.wait_ready()

    def stop(self) -> None:
        """Stop all of them in an orderly way; their data stay."""
        for service in self.services:
            service.ask_to_stop()
        for service in self.services:
            service.stop()


class RedisOfRun:
    """The run's Redis: its address is known from the beginning, the server starts at the first use."""

    def __init__(self, folder: Path) -> None:
        embedded = prepare_redis(folder, durable=False)
        self.url = embedded.url
        self.service = Service(embedded.program)

    def start(self) -> None:
        """Start it, where it does not run yet."""
        if not self.service.is_alive():
            self.service.start()
            self.service.wait_ready()


@dataclass(frozen=True)
class Kafka:
    """What a test holds: topics of its own in a shared broker, by their logical names.

    It speaks through confluent-kafka, as other shops do: our own code is what is tested.
    """

    bootstrap: str
    prefix: str

    def topic(self, name: str) -> str:
        """The name in Kafka."""
        return topic_name(name)

    def send(
        self,
        topic: str,
        value: bytes | str | None,
        *,
        key: str | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = -1,
    ) -> None:
        """Publish one message and wait for its acknowledgement."""
        self.send_many(topic, [(key, value)], headers=headers, partition=partition)

    def send_many(
        self,
        topic: str,
        messages: Sequence[tuple[str | None, bytes | str | None]],
        *,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int = -1,
    ) -> None:
        """Publish (key, value) pairs in order and wait until all are acknowledged."""
        failures: list[object] = []
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0, "acks": "all"})
        for key, value in messages:
            producer.produce(
                self.topic(topic),
                value,
                key,
                partition=partition,
                headers=list(headers),
                on_delivery=lambda error, _message: failures.append(error) if error else None,
            )
        left = producer.flush(20)
        assert not left and not failures, f"{left} messages not acknowledged, {failures}"

    def read(self, topic: str) -> list[Message]:
        """All messages that are in the topic now, by partition, then offset."""
        consumer = Consumer(
            {"bootstrap.servers": self.bootstrap, "group.id": unique(), "enable.auto.commit": False}
        )
        try:
            partitions = (
                consumer.list_topics(self.topic(topic), timeout=10).topics[self.topic(topic)].partitions
            )
            return [
                message for number in partitions for message in self._read_partition(consumer, topic, number)
            ]
        finally:
            consumer.close()

    def _read_partition(self, consumer: Consumer, topic: str, number: int) -> Iterator[Message]:
        place = TopicPartition(self.topic(topic), number)
        low, high = until(lambda: _ends(consumer, place), within=20) or (0, 0)
        if low == high:
            return
        consumer.assign([TopicPartition(place.topic, number, low)])
        position = low
        while position < high:
            message = consumer.poll(10)
            assert message is not None and not message.error(), f"{place}: {message and message.error()}"
            offset = message.offset()
            assert offset is not None
            position = offset + 1
            yield message


def _ends(consumer: Consumer, place: TopicPartition) -> tuple[int, int] | None:
    """First and next offset; None while a topic that was just made has no leader on a busy machine."""
    try:
        low, high = consumer.get_watermark_offsets(place, timeout=10)
    except KafkaException as error:
        if error.args[0].retriable() or error.args[0].code() == KafkaError.NOT_LEADER_FOR_PARTITION:
            return None
        raise
    return low, high


@contextmanager
def topics_of_test(bootstrap: str) -> Iterator[None]:
    """Every topic of the table, under the settings' prefix, until the test is over."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    try:
        ensure_topics(admin)
        yield
        with suppress(Exception):  # the broker may have been killed by the test; the run's end clears up
            admin.delete_topics([topic_name(name) for name in TOPICS])
    finally:
        admin.close()
