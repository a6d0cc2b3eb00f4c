"""Send many events to Kafka and know that each arrived. replay.py, history.py -> here -> Kafka.

Every message of a run is marked with its number in the run. Kafka keeps the order within a partition, so
the last number that a partition holds tells what an interrupted run had sent to it.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.utils import timezone
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner import murmur2

from shopsite.events.inbox import RECORDING_HEADER, header
from shopsite.events.kafka import close_quietly, make_consumer, make_producer
from shopsite.events.schemas import MAX_CLICK_BYTES, MAX_EVENT_BYTES, Unavailable, encode
from shopsite.events.topics import logical_name, topic_name
from shopsite.traffic.models import Sending
from shopsite.traffic.recordings import Event

if TYPE_CHECKING:
    from kafka.producer.future import FutureRecordMetadata

TOPICS = ("clicks", "orders", "inventory")
MOST_IN_FLIGHT = 20_000  # kafka-python's own buffer has no bound
ANSWER_SECONDS = 60.0  # without an acknowledgement for so long the run is given up
LARGEST = {"clicks": MAX_CLICK_BYTES, "orders": MAX_EVENT_BYTES, "inventory": MAX_EVENT_BYTES}


Place = tuple[str, int]  # topic, partition
Places = dict[Place, int]  # the last number of a run that is in the log there


class TooLarge(Exception):
    """An event is larger than its topic takes; the text says by how much."""


class Publisher:
    """A producer that counts only what Kafka acknowledged. Raises Unavailable where it does not."""

    def __init__(self) -> None:
        self._producer: KafkaProducer = make_producer(linger_ms=20, batch_size=256 * 1024)
        with _told():
            self._partitions = {
                topic: sorted(self._producer.partitions_for(topic_name(topic))) for topic in TOPICS
            }
        self._names = {topic: topic_name(topic) for topic in TOPICS}
        self._unanswered: deque[FutureRecordMetadata] = deque()
        self.acknowledged = 0

    def place(self, topic: str, key: str) -> tuple[Place, bytes]:
        """Where a key's messages go, by the choice that Kafka's clients share; and the key as bytes."""
        data = key.encode()
        there = self._partitions[topic]
        return (topic, there[(murmur2(data) & 0x7FFFFFFF) % len(there)]), data

    def send(self, place: Place, key: bytes, event: Event, *, mark: bytes | None = None) -> None:
        """Hand over one event; waits where too many are unanswered. Raises TooLarge, Unavailable."""
        topic, partition = place
        value = encode(event)
        if len(value) > LARGEST[topic]:
            raise TooLarge(f"its message has {len(value)} bytes, {topic} takes at most {LARGEST[topic]}")
        with _told():
            # without timestamp_ms: the record's own time is that of sending, which retention works on
            future = self._producer.send(
                self._names[topic], value, key, [(RECORDING_HEADER, mark)] if mark else None, partition
            )
        self._unanswered.append(future)
        if len(self._unanswered) > MOST_IN_FLIGHT:
            self._settle(self._unanswered.popleft())

    def settle(self) -> None:
        """Wait until everything that was handed over is acknowledged. Raises Unavailable."""
        while self._unanswered:
            self._settle(self._unanswered.popleft())

    def close(self) -> None:
        """Let the producer go."""
        close_quietly(self._producer, timeout=5)

    def _settle(self, future: "FutureRecordMetadata") -> None:
        with _told():
            future.get(timeout=ANSWER_SECONDS)
        self.acknowledged += 1


def mark(sending: Sending, number: int) -> bytes:
    """What tells an event of a run in the log: which run, and its number there."""
    return f"{_begins(sending)}{number}".encode()


def _begins(sending: Sending) -> str:
    return f"{sending.digest}.{sending.run}."


def begin(*, digest: str, name: str, format: str, run: int, shift_ms: int) -> Sending:
    """Note that a run begins, and where the log ends now. Raises Unavailable."""
    sending, _ = Sending.objects.update_or_create(
        digest=digest,
        defaults={
            "name": name[:200],
            "format": format,
            "run": run,
            "starts": _log_ends(),
            "shift_ms": shift_ms,
            "begun_at": timezone.now(),
            "finished_at": None,
        },
    )
    return sending


def finish(sending: Sending) -> None:
    """Note that every event of the run is in the log."""
    sending.finished_at = timezone.now()
    sending.save(update_fields=["finished_at"])


def already_sent(sending: Sending) -> Places:
    """What the log holds of an interrupted run. Raises Unavailable.

    Reads the log from where the run began, so it costs as much as was sent since, by anybody.
    """
    begins = _begins(sending)
    last: Places = {}
    with _reader() as consumer:
        parts = _partitions(consumer)
        ends = consumer.end_offsets(list(parts.values()))
        consumer.assign(list(parts.values()))
        first = consumer.beginning_offsets(list(parts.values()))
        for name, part in parts.items():
            consumer.seek(part, max(sending.starts.get(name, 0), first[part]))
        unread = {part for part in parts.values() if consumer.position(part) < ends[part]}
        while unread:
            for part, records in consumer.poll(timeout_ms=1_000, max_records=5_000).items():
                for record in records:
                    found = header(record.headers, RECORDING_HEADER)
                    if found.startswith(begins):
                        last[logical_name(part.topic), part.partition] = int(found.removeprefix(begins))
            unread = {part for part in unread if consumer.position(part) < ends[part]}
    return last


def _log_ends() -> dict[str, int]:
    """Partition name (`clicks-0`) -> the offset after its last message."""
    with _reader() as consumer:
        parts = _partitions(consumer)
        ends: Mapping[TopicPartition, int] = consumer.end_offsets(list(parts.values()))
        return {name: ends[part] for name, part in parts.items()}


def _partitions(consumer: KafkaConsumer) -> dict[str, TopicPartition]:
    """Partition name -> partition, of the three topics."""
    found = {
        f"{topic}-{number}": TopicPartition(topic_name(topic), number)
        for topic in TOPICS
        for number in consumer.partitions_for_topic(topic_name(topic)) or ()
    }
    if missing := [topic for topic in TOPICS if f"{topic}-0" not in found]:
        raise Unavailable(f"Kafka has no topic {', '.join(missing)}: run `manage.py topics create`")
    return found


@contextmanager
def _reader() -> Iterator[KafkaConsumer]:
    """A consumer that belongs to no group."""
    consumer = make_consumer(group=None)
    try:
        with _told():
            yield consumer
    finally:
        close_quietly(consumer)


@contextmanager
def _told() -> Iterator[None]:
    """Kafka's errors as what to do about them."""
    try:
        yield
    except KafkaError as error:
        raise Unavailable(f"Kafka does not take or give events ({type(error).__name__}: {error})") from error
