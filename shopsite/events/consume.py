"""Write orders, stock events and dead letters down. Kafka -> here -> InboxEvent, DeadLetter -> drain.

Whatever a batch [a, b) leads to and the move of the stored offset from a to b are one transaction, which
does nothing where the stored offset is not a: so a message counts once, however often it is delivered
and whoever else reads its partition. What is committed to Kafka afterwards is a hint for tools.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from django.db import DatabaseError, connection, transaction
from kafka import KafkaConsumer
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from shopsite import bulk
from shopsite.events.deadletters import as_dead_letter, dead_letter_row, headers_as_text, keep_dead_letters
from shopsite.events.heartbeat import Heartbeat
from shopsite.events.inbox import Headers, Route, fallback_event_id
from shopsite.events.kafka import Membership, close_quietly, make_consumer
from shopsite.events.lean import LeanRecord
from shopsite.events.loops import run_steps
from shopsite.events.models import DeadLetter, InboxEvent, OutboxEvent, StoredOffset
from shopsite.events.outbox import forward_many, storable
from shopsite.events.schemas import PoisonEvent
from shopsite.events.topics import DEAD, TOPICS, logical_name
from shopsite.prepared import Prepared, PreparedUpdate, Slot

log = logging.getLogger(__name__)
GROUP: Final = "consume"
POLL_MS: Final = 200  # also how late a stop is noticed
BATCH: Final = 500
FETCH_BYTES: Final = 256 * 1024  # of a partition: about a batch, so that all of them move on side by side
COMMIT_SECONDS: Final = 2.0
NOTE_SECONDS: Final = 0.5  # until an offset is stored that passed nothing to keep
BROKEN_SECONDS: Final = 30.0  # between looks at a partition whose stored offset cannot be

Wake = Callable[[str, int], None]  # topic, partition; never raises
InboxRow = tuple[str, int, int, str, str, bytes | None, datetime]  # of INBOX_COLUMNS
INBOX_COLUMNS: Final = ("topic", "partition", "offset", "key", "event_id", "value", "received_at")


@dataclass
class Intake:
    """What one batch of one partition leads to."""

    rows: list[InboxRow] = field(default_factory=list)
    dead: list[OutboxEvent] = field(default_factory=list)  # on their way to the dead-letter topic
    letters: list[DeadLetter] = field(default_factory=list)  # read back from it

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the batch has to be written down."""
        return not (self.rows or self.dead or self.letters)


class Consumption:
    """One consumer and what it knows of its partitions."""

    def __init__(self, stop: threading.Event, routes: Mapping[str, Route], wake: Wake) -> None:
        self.counts: Counter[str] = Counter()
        self._stop, self._routes, self._wake = stop, routes, wake
        self._topics = [*routes, *(name for name in TOPICS if name.endswith(DEAD))]
        self._consumer: KafkaConsumer | None = None
        self._membership = Membership(self._lose)
        self._next: dict[TopicPartition, int] = {}  # what we believe is stored
        self._passed: dict[TopicPartition, int] = {}  # how far we read beyond it
        self._noted_at = 0.0  # when that was last stored
        self._broken: dict[TopicPartition, float] = {}  # when to look again
        self._only_database = False  # that failed, so the consumer is as good as before
        self._committed_at = 0.0
        self._heart = Heartbeat("consume")

    def step(self) -> int:
        """Read what has come and write it down; how many messages.

        Raises Unavailable, KafkaError or DatabaseError.
        """
        consumer = self._consumer
        if consumer is None:
            self._membership = Membership(self._lose)
            consumer = self._consumer = make_consumer(
                *self._topics,
                group=GROUP,
                listener=self._membership,
                metadata_max_age_ms=10_000,
                lean=True,
                max_partition_fetch_bytes=FETCH_BYTES,
            )
        polled = consumer.poll(timeout_ms=POLL_MS, max_records=BATCH)
        if not self._membership.is_settled:
            return 0
        try:
            written = self._process(consumer, polled)
        except DatabaseError:
            self._only_database = True
            raise
        self._commit(consumer)
        self._beat(consumer)
        return written

    def _lose(self, places: Iterable[TopicPartition]) -> None:
        """A partition that was taken away may have moved on when it comes back."""
        for place in places:
            self._next.pop(place, None)
            self._passed.pop(place, None)

    def recover(self) -> None:
        """After a failure: what was polled and not written is read again."""
        self._next.clear()
        self._passed.clear()
        only_database, self._only_database = self._only_database, False
        if self._consumer is not None and not only_database:
            close_quietly(self._consumer, timeout=1.0)
            self._consumer = None
            self._broken.clear()
        if not connection.in_atomic_block:
            connection.close()

    def close(self) -> None:
        """Leave the group, so that others take the partitions at once."""
        if self._consumer is not None:
            self._commit(self._consumer, force=True)
            close_quietly(self._consumer, timeout=2.0)
            self._consumer = None
        self._heart.stop()

    # --- where to read ------------------------------------------------------------------------
    def _place(self, consumer: KafkaConsumer) -> set[TopicPartition]:
        """Seek partitions that are new here to their stored offset; what was polled of them is void."""
        now = time.monotonic()
        fresh = {
            place
            for place in consumer.assignment()
            if place not in self._next and self._broken.get(place, 0.0) <= now
        }
        if not fresh:
            return fresh
        lows, highs = consumer.beginning_offsets(list(fresh)), consumer.end_offsets(list(fresh))
        for place in fresh:
            self._seek(consumer, place, lows[place], highs[place])
        return fresh

    def _seek(self, consumer: KafkaConsumer, place: TopicPartition, low: int, high: int) -> None:
        stored = stored_offset(logical_name(place.topic), place.partition, begin=low)
        if stored > high:
            log.error(
                "%s:%d stands still: offset %d is stored, but the log ends at %d. Was the topic made anew? "
                "Then delete its stored offset in the admin, and it is read from its start.",
                place.topic, place.partition, stored, high,
            )  # fmt: skip
            self._broken[place] = time.monotonic() + BROKEN_SECONDS
            consumer.pause(place)
            return
        if stored < low:
            log.error(
                "%s:%d: offsets %d to %d are gone from the log before they were read; it goes on at %d",
                place.topic, place.partition, stored, low - 1, low,
            )  # fmt: skip
            advance(logical_name(place.topic), place.partition, stored, low)
            stored = low
        if self._broken.pop(place, None) is not None:
            consumer.resume(place)
        consumer.seek(place, stored)
        self._next[place] = stored

    # --- writing ------------------------------------------------------------------------------
    def _process(self, consumer: KafkaConsumer, polled: Mapping[TopicPartition, Sequence[Any]]) -> int:
        fresh = self._place(consumer)
        batches = {
            place: (records, consumer.position(place))
            for place, records in polled.items()
            if place in self._next and place not in fresh
        }
        return self._write(consumer, batches)

    def _write(
        self, consumer: KafkaConsumer, batches: Mapping[TopicPartition, tuple[Sequence[Any], int]]
    ) -> int:
        """Store the batches, each only where the stored offset is its beginning; how many messages.

        Most messages are news of what we did ourselves. A batch of such only changes nothing, so its offset
        is stored with the next one that does, or after NOTE_SECONDS.
        """
        now = datetime.now(UTC)
        read = {
            place: self._take_in(
                place, [record for record in records if record.offset >= self._next[place]], now
            )
            for place, (records, _) in batches.items()
        }
        self._passed |= {place: end for place, (_, end) in batches.items()}
        kept = {place: intake for place, intake in read.items() if not intake.is_empty}
        stale = self._store(kept)
        written = 0
        for place, (records, _) in batches.items():
            if place in stale:
                continue
            written += len(records)
            if read[place].rows:
                self._wake(logical_name(place.topic), place.partition)
            self._count(read[place], len(records))
        if stale:
            self._place(consumer)
        return written

    def _store(self, kept: Mapping[TopicPartition, Intake]) -> set[TopicPartition]:
        """Store what was kept with the offsets; which partitions somebody else had moved on."""
        is_time = time.monotonic() - self._noted_at >= NOTE_SECONDS
        ends = {place: end for place, end in self._passed.items() if place in kept or is_time}
        if is_time:
            self._noted_at = time.monotonic()
        if not ends:
            return set()
        stale = set()
        with transaction.atomic():
            for place, end in ends.items():
                if not advance(logical_name(place.topic), place.partition, self._next[place], end):
                    stale.add(place)
                elif place in kept:
                    _keep(kept[place])
        for place, end in ends.items():
            del self._passed[place]
            self._next[place] = end
        for place in stale:
            self._read_again(place)
        return stale

    def _read_again(self, place: TopicPartition) -> None:
        log.warning(
            "%s:%d: somebody else moved the stored offset; this batch is dropped",
            place.topic,
            place.partition,
        )
        self.counts["dropped_batches"] += 1
        del self._next[place]

    def _take_in(self, place: TopicPartition, records: Iterable[Any], now: datetime) -> Intake:
        intake, topic = Intake(), logical_name(place.topic)
        for record in records:
            if topic.endswith(DEAD):
                intake.letters.append(
                    as_dead_letter(
                        topic, place.partition, record.offset, record.key, record.value, record.headers
                    )
                )
            else:
                _take(intake, self._routes[topic], place.partition, record, now)
        return intake

    def _count(self, intake: Intake, messages: int) -> None:
        self.counts["read"] += messages
        self.counts["kept"] += len(intake.rows)
        self.counts["dead"] += len(intake.dead)

    # --- telling ------------------------------------------------------------------------------
    def _commit(self, consumer: KafkaConsumer, *, force: bool = False) -> None:
        """Tell Kafka where we are, so that its tools see the lag."""
        now = time.monotonic()
        if not self._next or (now - self._committed_at < COMMIT_SECONDS and not force):
            return
        self._committed_at = now
        offsets = {place: OffsetAndMetadata(self._at(place), "", -1) for place in self._next}
        consumer.commit_async(offsets, callback=_committed)

    def _at(self, place: TopicPartition) -> int:
        return self._passed.get(place, self._next[place])

    def _beat(self, consumer: KafkaConsumer) -> None:
        ends = {place: consumer.highwater(place) for place in self._next}
        lag = sum(max(0, end - self._at(place)) for place, end in ends.items() if end is not None)
        self._heart.beat(partitions=len(self._next), broken=len(self._broken), lag=lag, **self.counts)


def run(stop: threading.Event, routes: Mapping[str, Route], wake: Wake) -> None:
    """Consume until asked to stop."""
    consumption = Consumption(stop, routes, wake)
    try:
        run_steps(
            consumption.step,
            stop,
            name="consume",
            idle=lambda: None,  # the poll waits
            recover=consumption.recover,
            expected=(KafkaError, DatabaseError),
        )
    finally:
        consumption.close()


def stored_offset(topic: str, partition: int, *, begin: int) -> int:
    """The next offset to read of a partition; begin where none is stored yet, and from now on."""
    row, _ = StoredOffset.objects.get_or_create(
        group=GROUP, topic=topic, partition=partition, defaults={"next_offset": begin}
    )
    return row.next_offset


def advance(topic: str, partition: int, start: int, end: int) -> bool:
    """Move the stored offset from start to end; whether it was start. In the caller's transaction."""
    return bool(_advance(topic=topic, partition=partition, start=start, end=end))


_advance = PreparedUpdate(
    lambda: StoredOffset.objects.filter(
        group=GROUP, topic=Slot("topic"), partition=Slot("partition"), next_offset=Slot("start")
    ),
    next_offset=Slot("end"),
)
_between = Prepared(
    lambda: InboxEvent.objects.filter(
        topic=Slot("topic"), partition=Slot("partition"), offset__gte=Slot("first"), offset__lte=Slot("last")
    ).values_list("offset")
)


def _take(
    intake: Intake,
    route: Route,
    partition: int,
    record: LeanRecord,
    now: datetime,
) -> None:
    """Add a message to what its batch leads to. record: or kafka-python's own, where lean.py stands aside."""
    headers: Headers = record.headers or []
    origin = fallback_event_id(route.topic, partition, record.offset, headers)
    try:
        if not route.wanted(record.value, headers):
            return
        event = route.read(record.value, origin=origin, now=now)
    except PoisonEvent as error:
        intake.dead.append(
            dead_letter_row(
                topic=route.topic,
                partition=partition,
                offset=record.offset,
                reason=str(error),
                key=(record.key or b"").decode("utf-8", "replace"),
                value=record.value,
                headers=headers_as_text(headers),
            )
        )
        return
    key = storable(route.key(event), 200)
    intake.rows.append((route.topic, partition, record.offset, key, event.event_id, record.value, now))


def _keep(intake: Intake) -> None:
    bulk.insert(InboxEvent, INBOX_COLUMNS, _unknown(intake.rows))
    forward_many(intake.dead)
    keep_dead_letters(intake.letters)


def _unknown(rows: list[InboxRow]) -> list[InboxRow]:
    """Those that are not in the inbox yet: all, unless a stored offset was deleted to read a topic again.

    Whoever asks holds the partition's stored offset, so nobody else writes its rows meanwhile.
    """
    if not rows:
        return rows
    topic, partition, first, *_ = rows[0]
    there = _between(topic=topic, partition=partition, first=first, last=rows[-1][2])
    known = {offset for (offset,) in there}
    return [row for row in rows if row[2] not in known] if known else rows


def _committed(offsets: object, response: object) -> None:
    """A failed hint costs nothing: the next one comes soon."""
    if isinstance(response, Exception):
        log.debug("offsets %s were not committed: %s", offsets, response)
