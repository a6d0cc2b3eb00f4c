"""Process what waits in the inbox. InboxEvent, in the order of its offset -> here -> Route.handle.

The effects of a batch and its rows' `done` are one transaction under the partition's lock. Where a batch
fails it is halved until the row at fault is alone: that one is tried again later, five times in all,
then becomes a dead letter. Until then later rows of its key wait; all others go on.

A transaction costs the same for one row as for fifty. So who finds few takes those of the other partitions
along that nobody drains now; where many wait, each partition has a worker of its own.
"""

import logging
import time
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from shopsite.events.deadletters import dead_letter_row
from shopsite.events.inbox import Received, Route
from shopsite.events.models import InboxEvent, InboxState, OutboxEvent
from shopsite.events.outbox import forward_many
from shopsite.events.schemas import PoisonEvent, Unavailable
from shopsite.events.topics import TOPICS
from shopsite.prepared import Prepared, PreparedUpdate, Slot

log = logging.getLogger(__name__)
BATCH: Final = 500  # 200 to 500 rows make the commit's cost small: benchmarks/replay.py
FEW: Final = 50  # of other partitions that are taken along
TRIES: Final = 5  # alone
TURN_SECONDS: Final = 20.0  # then other partitions have their turn
LOCK_CLASS: Final = 0x1B0  # of PostgreSQL's advisory locks, so that no other use of them collides


class Drained(NamedTuple):
    """What a drain did."""

    settled: int  # rows that need no more processing
    partitions: frozenset[int]  # that it held meanwhile: whoever was called for one of them has left again


def drain(route: Route, partition: int) -> Drained | None:
    """Process a partition's waiting rows until none is due.

    Returns None at once where another process drains it.
    """
    until, settled, held = time.monotonic() + TURN_SECONDS, 0, frozenset[int]()
    while time.monotonic() < until:
        turn = _drain_batch(route, partition)
        if turn is None:
            break
        settled, held = settled + turn.settled, held | turn.partitions
        # Rows that came after the lock's holder looked, and whose wake-up found the lock held, are its own
        # to find: so it looks once more after letting go.
        if turn.count < BATCH and not still_due(route.topic, [partition]):
            break
    return Drained(settled, held) if held else None


def still_due(topic: str, partitions: Iterable[int]) -> list[int]:
    """Those of a topic's partitions that have rows which may be processed now."""
    found = _due_partitions(topic=topic, partitions=list(partitions), now=timezone.now())
    return [partition for (partition,) in found]


def overdue() -> list[tuple[str, int]]:
    """(topic, partition) of every partition that has rows to process now."""
    waiting = InboxEvent.objects.filter(state=InboxState.WAITING)
    ready = waiting.filter(Q(due_at__isnull=True) | Q(due_at__lte=timezone.now()))
    return sorted(ready.order_by().values_list("topic", "partition").distinct())


def _drain_batch(route: Route, partition: int) -> "_Turn | None":
    """Process up to BATCH rows in one transaction; None where another drains."""
    with transaction.atomic():
        if not _lock(route.topic, partition):
            return None
        held, now = [partition], timezone.now()
        found = _due_of_one(topic=route.topic, partition=partition, now=now)
        if 0 < len(found) < FEW and (others := _lock_others(route.topic, partition)):
            held += others
            found += _due_of_others(topic=route.topic, partitions=others, now=now)
        rows = [Waiting(*row) for row in found]
        turn = _Turn(route, frozenset(held), len(rows))
        # Rows that failed before go alone, so that they do not fail the others with them once more.
        for row in rows:
            if row.attempts:
                turn.process([row])
        turn.process([row for row in rows if not row.attempts])
        turn.write()
        return turn


def _lock(topic: str, partition: int) -> bool:
    """Hold the partition until the transaction ends; whether nobody else does."""
    return bool(_locked(topic, [partition]))


def _lock_others(topic: str, partition: int) -> list[int]:
    """Hold the other partitions, too; those that nobody else does."""
    count = TOPICS[topic].partitions
    return _locked(topic, [other for other in range(count) if other != partition])


def _locked(topic: str, partitions: Sequence[int]) -> list[int]:
    """Those that are ours now until the transaction ends. SQLite's one write lock is held already."""
    if connection.vendor != "postgresql" or not partitions:
        return list(partitions)
    numbers = {_lock_number(topic, partition): partition for partition in partitions}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT number FROM unnest(%s::int[]) AS number WHERE pg_try_advisory_xact_lock(%s, number)",
            [list(numbers), LOCK_CLASS],
        )
        return [numbers[number] for (number,) in cursor.fetchall()]


def _lock_number(topic: str, partition: int) -> int:
    return zlib.crc32(f"{topic}:{partition}".encode()) & 0x7FFFFFFF


class Waiting(NamedTuple):
    """What the drain reads of an inbox row: a model object for each would cost as much as its handling."""

    pk: int
    partition: int
    offset: int
    key: str
    event_id: str
    value: bytes
    received_at: datetime
    attempts: int


def _due(where: Q) -> QuerySet[InboxEvent]:
    """The rows of partitions that may be processed now, in order."""
    waiting = InboxEvent.objects.filter(where, topic=Slot("topic"), state=InboxState.WAITING)
    resting = waiting.filter(due_at__gt=Slot("now")).values("key")
    return waiting.exclude(key__in=resting).order_by("partition", "offset")


OF_ONE: Final = Q(partition=Slot("partition"))
OF_SEVERAL: Final = Q(partition__any_of=Slot("partitions"))
_due_of_one = Prepared(lambda: _due(OF_ONE).values_list(*Waiting._fields)[:BATCH])
_due_of_others = Prepared(lambda: _due(OF_SEVERAL).values_list(*Waiting._fields)[:FEW])
_due_partitions = Prepared(lambda: _due(OF_SEVERAL).order_by("partition").values_list("partition").distinct())
_mark_done = PreparedUpdate(
    lambda: InboxEvent.objects.filter(pk__any_of=Slot("done")),
    state=InboxState.DONE.value,
    done_at=Slot("now"),
    due_at=None,
    error="",
)


class _Turn:
    """One batch: what was done, what failed, and which keys wait because of it."""

    def __init__(self, route: Route, partitions: frozenset[int], count: int) -> None:
        self._route, self.partitions, self.count = route, partitions, count
        self._done: list[int] = []
        self._failed: list[InboxEvent] = []
        self._dead: list[OutboxEvent] = []
        self._keys: set[str] = set()

    @property
    def settled(self) -> int:
        """Rows that need no more processing."""
        return len(self._done) + len(self._dead)

    def process(self, rows: Iterable[Waiting]) -> None:
        """Read and handle the rows, in order. One that cannot be read costs the others nothing."""
        readable: list[tuple[Waiting, Received]] = []
        for row in rows:
            try:
                readable.append((row, self._received(row)))
            except PoisonEvent as error:
                self._fail(row, error)
            except Exception as error:
                self._handle(readable)  # those before it first: some may be of its key
                readable = []
                if row.key not in self._keys:
                    self._fail(row, error)
        self._handle(readable)

    def _handle(self, batch: Sequence[tuple[Waiting, Received]]) -> None:
        """Handle what was read; the rows that fail are found by halving."""
        batch = [pair for pair in batch if pair[0].key not in self._keys]
        if not batch:
            return
        try:
            with transaction.atomic():
                self._route.handle([received for _, received in batch])
        except (OperationalError, InterfaceError):
            raise  # a deadlock or a lost connection is nobody's fault: the whole batch again
        except Exception as error:
            if len(batch) == 1:
                self._fail(batch[0][0], error)
                return
            middle = len(batch) // 2
            self._handle(batch[:middle])
            self._handle(batch[middle:])
        else:
            self._done.extend(row.pk for row, _ in batch)

    def write(self) -> None:
        """Write down how far each row is."""
        if self._done:
            _mark_done(done=self._done, now=timezone.now())
        InboxEvent.objects.bulk_update(self._failed, ["state", "attempts", "error", "due_at", "done_at"])
        forward_many(self._dead)

    def _received(self, row: Waiting) -> Received:
        """The row as handlers take it. Raises PoisonEvent where newer code does not read it any more."""
        event = self._route.read(bytes(row.value), origin=row.event_id, now=row.received_at)
        return Received(self._route.topic, row.partition, row.offset, row.key, event, row.event_id)

    def _fail(self, failed: Waiting, error: Exception) -> None:
        row, now = InboxEvent.objects.get(pk=failed.pk), timezone.now()
        row.error = f"{type(error).__name__}: {error}"[:2000].replace("\0", "\ufffd")
        self._failed.append(row)
        if not isinstance(error, Unavailable):
            row.attempts += 1
        if isinstance(error, PoisonEvent) or row.attempts >= TRIES:
            self._bury(row, error, now)
            return
        row.due_at = now + timedelta(seconds=2.0**row.attempts)
        self._keys.add(row.key)
        log.warning("%s failed (%d of %d): %s", row, row.attempts, TRIES, row.error, exc_info=error)

    def _bury(self, row: InboxEvent, error: Exception, now: datetime) -> None:
        row.state, row.done_at, row.due_at = InboxState.DEAD, now, None
        reason = str(error) if isinstance(error, PoisonEvent) else f"failed {row.attempts} times: {row.error}"
        self._dead.append(
            dead_letter_row(
                topic=row.topic,
                partition=row.partition,
                offset=row.offset,
                reason=reason,
                key=row.key,
                value=bytes(row.value),
                headers={"event_id": row.event_id},
            )
        )
