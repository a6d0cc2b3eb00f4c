"""Fold the three topics into Redis, each event once. Kafka -> here: read, fold -> store.py -> Redis.

Redis alone says how far a partition is folded. This process remembers it only to save a question: where
the two differ, it drops the batch, forgets, and goes on from what is stored. While Redis adds one batch the
next is read and folded; it is dropped, too, where the one before was.
"""

import logging
import threading
import time
from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from redis.exceptions import RedisError

from dashboards.counting.batch import Event, fold, fold_delays, read
from dashboards.counting.deadletters import DeadClick, send_dead_clicks
from dashboards.counting.lately import recent, seen_lately
from dashboards.counting.log import LogReader, set_aside
from dashboards.counting.plan import Batch, ForeignFigures
from dashboards.counting.steps import FULL, packed
from dashboards.counting.store import Position, Writer, live_generation
from dashboards.keys import generation_keys, partition_name
from shopsite.events.heartbeat import Heartbeat
from shopsite.events.kafka import Membership, close_quietly, make_consumer
from shopsite.events.loops import run_steps
from shopsite.events.redis import redis_client
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import logical_name

log = logging.getLogger(__name__)
TOPICS = ("clicks", "orders", "inventory")
GROUP = "aggregate"
MAX_RECORDS = 20_000  # of one poll, when there is so much to catch up with: benchmarks/aggregate.py
MAX_BYTES = (
    2 * 1024 * 1024
)  # of a partition's part of a fetch: twice as much takes twice the memory in a burst
WAIT_MS = 20  # of one poll: the heartbeat and a switch of generations wait no longer
REST_S = 0.015  # at most, after a step: what comes meanwhile is folded together (rest_after)
LAGGING = 1_000  # records of a step: then there are more
REBALANCE_S = 0.005  # poll() returns at once while the group rebalances
MINUTES = 60  # whose steps' bytes are remembered: all that are kept, by whatever clock
COMMIT_S = 5.0  # Kafka is told how far we are, for its tools only


@dataclass(slots=True)
class Part:
    """One partition that this process folds."""

    name: str
    topic: str
    next: int
    seq: int = 0
    fresh: bool = False  # nothing is stored yet
    stopped: str = ""  # why it may not be folded
    steps: dict[int, int] = field(default_factory=dict)  # of the last minutes: bytes that Redis was sent

    def follow(self, batch: Batch) -> None:
        """What comes next is what follows that batch."""
        self.next, self.seq, self.fresh = batch.next, batch.seq, False
        for minute, text in batch.steps.items():
            self.steps[minute] = self.steps.get(minute, 0) + len(text)
        for minute in sorted(self.steps)[:-MINUTES]:
            del self.steps[minute]

    def full_minutes(self) -> set[int]:
        """Those of which Redis takes no more steps (fence.lua)."""
        return {minute for minute, size in self.steps.items() if size > FULL}


class _Going(NamedTuple):
    """A batch that Redis is adding."""

    place: TopicPartition
    part: Part
    records: int
    applied: Future[bool]


def rest_after(records: int) -> float:
    """Seconds to wait after a step of so many records before more are asked for.

    A step costs about as much for one record as for forty: so what comes densely is gathered, what comes
    now and then is folded at once, and who lags does not wait.
    """
    return 0.0 if records >= LAGGING else min(records / 1000, REST_S)


def fold_batch(
    part: Part,
    records: Sequence[Any],
    until: int,
    now: datetime,
    *,
    aside: Container[str] = frozenset(),
    live: bool = True,
) -> tuple[Batch, list[DeadClick]]:
    """What the records [part.next, until) change, and the clicks among them that can't be read.

    aside: positions of clicks that are dead letters already.
    live: false for a log that is read again, where the delay until now says nothing.
    """
    _, number = part.name.rsplit("-", 1)
    reading = read(part.topic, int(number), records, seq=part.seq, now=now, aside=aside)
    foreign = [
        ForeignFigures(event.event_id, clock, fold(part.topic, [event])) for event, clock in reading.foreign
    ]
    events: list[Event] = [*reading.events, *(event for event, _ in reading.foreign)]
    batch = Batch(
        tp=part.name,
        first=part.next,
        next=until,
        fresh=part.fresh,
        seq=reading.seq,
        figures=(fold(part.topic, reading.events), fold_delays(reading.told_at_once() if live else [], now)),
        foreign=foreign,
        seen=seen_lately(reading.events, now),
        steps=packed(reading.events, now, part.full_minutes()),
        recent=recent(events, now),
    )
    # consume dead-letters orders and stock events: each bad message has one owner
    dead = reading.poison if part.topic == "clicks" else []
    return batch, [DeadClick(int(number), records[index], reason) for index, reason in dead]


class Aggregator:
    """One process's share of the partitions."""

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        bury: Callable[[Sequence[DeadClick]], None] = send_dead_clicks,
    ) -> None:
        self._now, self._bury = now, bury
        self._consumer: KafkaConsumer | None = None
        self._membership = Membership(self._lose)
        self._generation = 0
        self._writer = Writer(redis_client(), generation_keys(0))
        self._parts: dict[TopicPartition, Part] = {}
        self._applier = ThreadPoolExecutor(1, "apply")  # waits for Redis while this thread folds
        self._going: _Going | None = None
        self._aside: set[str] = set()  # clicks that were dead letters before a log was read again
        self._next_look = self._next_commit = 0.0
        self._heartbeat = Heartbeat("aggregate")
        self._folded = self._dead = self._dropped = 0

    def run(self, stop: threading.Event) -> None:
        """Fold until asked to stop."""
        log.info("aggregate folds %s", ", ".join(TOPICS))
        try:
            run_steps(
                self.step,
                stop,
                name="aggregate",
                idle=lambda: None,
                recover=self.forget,
                expected=(RedisError, KafkaError),
            )
        finally:
            self.close()

    def step(self) -> int:
        """Fold what has come; returns how many records. Raises RedisError, KafkaError, Unavailable."""
        consumer = self._connected()
        self._look_around(consumer)
        polled = consumer.poll(timeout_ms=WAIT_MS, max_records=MAX_RECORDS)
        if not self._membership.is_settled:
            self._beat(consumer)
            time.sleep(REBALANCE_S)
            return 0
        new = self._follow_assignment(consumer)
        # what was polled of a new partition is from before its seek, and comes again
        known = {place: records for place, records in polled.items() if place not in new}
        folded = sum(self._take(consumer, place, records) for place, records in known.items())
        if folded < LAGGING:  # what follows may be long in coming
            self._settle(consumer)
        self._folded += folded
        self._tell(consumer)
        time.sleep(rest_after(folded))
        return folded

    def forget(self) -> None:
        """Whatever this process believes may be wrong: ask Redis again before the next batch."""
        self._wait()
        self._going = None
        for part in self._parts.values():
            self._writer.forget(part.name)
        self._parts.clear()

    def close(self) -> None:
        """Leave the group, so that others need not wait for the session's end."""
        if self._consumer is not None:
            close_quietly(self._consumer)
            self._consumer = None
        self._applier.shutdown()
        self._heartbeat.stop()

    # --- where to fold ------------------------------------------------------------------------
    def _connected(self) -> KafkaConsumer:
        if self._consumer is None:
            # one byte is enough for an answer: a chart waits for the event, not for company
            self._consumer = make_consumer(
                *TOPICS,
                group=GROUP,
                listener=self._membership,
                lean=True,
                max_poll_records=MAX_RECORDS,
                max_partition_fetch_bytes=MAX_BYTES,
                fetch_min_bytes=1,
                fetch_max_wait_ms=100,
            )
        return self._consumer

    def _look_around(self, consumer: KafkaConsumer) -> None:
        """Once a second: is another generation live?"""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + 1.0
        generation = live_generation(self._writer.client)
        if generation != self._generation:
            self._settle(consumer)
            log.info("aggregate goes on in generation %d", generation)
            self._generation = generation
            self._writer = Writer(self._writer.client, generation_keys(generation))
            self._parts.clear()

    def _follow_assignment(self, consumer: KafkaConsumer) -> set[TopicPartition]:
        """Place the consumer in partitions that are new to this process; returns those."""
        new = set(consumer.assignment() - set(self._parts))
        if new:
            self._load(consumer, sorted(new))
        return new

    def _lose(self, places: Iterable[TopicPartition]) -> None:
        """Others may fold these now; should they come back, they are placed anew."""
        self._wait()
        for place in places:
            if (part := self._parts.pop(place, None)) is not None:
                self._writer.forget(part.name)

    def _load(self, consumer: KafkaConsumer, places: Sequence[TopicPartition]) -> None:
        """Go on from what is stored, or from the log's start where nothing is."""
        self._settle(consumer)
        starts, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
        for place in places:
            topic = logical_name(place.topic)
            name = partition_name(topic, place.partition)
            stored = self._writer.begin(name)
            part = self._placed(Part(name, topic, starts[place]), stored, starts[place], ends[place])
            self._parts[place] = part
            if part.stopped:
                consumer.pause(place)
            else:
                consumer.resume(place)
                consumer.seek(place, part.next)
        if any(self._parts[place].fresh and starts[place] < ends[place] for place in places):
            self._learn_dead_letters()

    def _learn_dead_letters(self) -> None:
        """A log that is folded from its start may have been folded before Redis lost its data."""
        with LogReader() as reader:
            self._aside = set_aside(reader, "clicks")

    def _placed(self, part: Part, stored: Position, start: int, end: int) -> Part:
        if stored.offset is None:
            part.fresh = True
            return part
        part.next, part.seq = stored.offset, stored.seq
        if stored.offset < start:
            self._record_gap(part, start)
        elif stored.offset > end:
            part.stopped = (
                f"{part.name} is folded up to offset {stored.offset}, but its log ends at {end}: was the "
                f"topic made anew? `manage.py rebuild` counts from what is there"
            )
            log.error("%s", part.stopped)
        return part

    def _record_gap(self, part: Part, start: int) -> None:
        if not self._writer.apply(Batch(part.name, part.next, start, seq=part.seq, gap=True)):
            raise Unavailable(f"another process moved {part.name} at the same moment")
        log.error("%s: offsets %d to %d were gone before they could be folded", part.name, part.next, start)
        part.next = start

    # --- folding ------------------------------------------------------------------------------
    def _take(self, consumer: KafkaConsumer, place: TopicPartition, records: Sequence[Any]) -> int:
        part = self._parts.get(place)
        if part is None or part.stopped or not self._continues(consumer, place, part, records):
            return 0
        # not the last offset + 1: control records leave gaps at a batch's end
        until = consumer.position(place)
        batch, dead = fold_batch(part, records, until, self._now(), aside=self._aside)
        self._settle(consumer)
        if self._parts.get(place) is not part:  # the one before was refused: these come again
            self._dropped += len(records)
            return 0
        if dead:
            self._bury(dead)
            self._dead += len(dead)
        applied = self._applier.submit(self._writer.apply, batch)
        self._going = _Going(place, part, len(records), applied)
        part.follow(batch)
        return len(records)

    def _settle(self, consumer: KafkaConsumer) -> None:
        """Wait for what Redis is adding; where it refuses, go on from what it has. Raises RedisError."""
        going, self._going = self._going, None
        if going is None or going.applied.result() or self._parts.get(going.place) is not going.part:
            return
        log.info("%s: another offset is stored than was folded to, going on from there", going.part.name)
        self._dropped += going.records
        self._load(consumer, [going.place])

    def _wait(self) -> None:
        """Until Redis has answered, whatever it says."""
        if self._going is not None:
            wait([self._going.applied])

    def _continues(
        self, consumer: KafkaConsumer, place: TopicPartition, part: Part, records: Sequence[Any]
    ) -> bool:
        """Whether the records follow what is folded; else the consumer is sent where it should be."""
        first = records[0].offset
        if first == part.next:
            return True
        if first > part.next and consumer.beginning_offsets([place])[place] <= part.next:
            return True  # control records, which nobody is shown
        self._load(consumer, [place])
        return False

    def _tell(self, consumer: KafkaConsumer) -> None:
        now = time.monotonic()
        if now >= self._next_commit and self._parts:
            self._next_commit = now + COMMIT_S
            consumer.commit_async()
            self._load_stopped(consumer)
        self._beat(consumer)

    def _beat(self, consumer: KafkaConsumer) -> None:
        self._heartbeat.beat(
            folded=self._folded,
            dead=self._dead,
            dropped=self._dropped,
            generation=self._generation,
            partitions=sorted(part.name for part in self._parts.values()),
            lag=sum(self._lags(consumer)),
            stopped=[part.stopped for part in self._parts.values() if part.stopped],
        )

    def _load_stopped(self, consumer: KafkaConsumer) -> None:
        if stopped := [place for place, part in self._parts.items() if part.stopped]:
            self._load(consumer, stopped)

    def _lags(self, consumer: KafkaConsumer) -> Iterable[int]:
        for place, part in self._parts.items():
            end = consumer.highwater(place)
            if end is not None:
                yield max(0, end - part.next)
