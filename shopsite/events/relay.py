"""Bring the outbox to Kafka, in order. OutboxEvent -> here -> topics orders, inventory and *.dlq.

A row gets its number (`seq`) before it is sent for the first time, and is marked when all in-sync
replicas have it. After a crash between the two it is sent again, under the same number and in the same
order, so whoever reads a partition may skip what is not above the highest number that it has seen.
"""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.db import DatabaseError, connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from kafka import KafkaProducer
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from shopsite import bulk
from shopsite.events.heartbeat import Heartbeat
from shopsite.events.inbox import EVENT_ID_HEADER, SEQ_HEADER
from shopsite.events.kafka import close_quietly, make_producer
from shopsite.events.lock import relay_lock
from shopsite.events.loops import run_steps
from shopsite.events.models import OutboxCounter, OutboxEvent
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import topic_name
from shopsite.events.waker import outbox_waker
from shopsite.prepared import Prepared, PreparedUpdate, Slot

log = logging.getLogger(__name__)
BATCH: Final = 500  # rows between two commits: what is sent twice at most after a crash
ACK_SECONDS: Final = 30.0  # then the producer may be wedged and is replaced: the rows are in the database
STOP_SECONDS: Final = 3.0  # for acknowledgements when asked to stop; what lacks one is sent again
STANDBY_SECONDS: Final = 1.0
REFUSED: Final = (  # the message is at fault: no other try will help
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    InvalidRecordError,
    InvalidTimestampError,
)


class Row(NamedTuple):
    """What the relay reads of an outbox row: a model object for each would cost as much as its sending."""

    pk: int
    seq: int
    topic: str
    key: str
    event_id: str
    value: bytes | None
    headers: dict[str, str]
    own: bool
    attempts: int


Sent = tuple[Row, Any]  # a row and the future of its acknowledgement


class Relay:
    """One relay: active while it holds the lock, standing by otherwise."""

    def __init__(self, stop: threading.Event) -> None:
        self.published = self.refused = 0
        self.active = False
        self._stop = stop
        self._lock, self._waker = relay_lock(), outbox_waker()
        self._producer: KafkaProducer | None = None
        self._heart = Heartbeat("relay")

    def step(self) -> int:
        """Send the next rows; how many were sent. Raises Unavailable, KafkaError or DatabaseError."""
        self._beat(0.0)
        was, self.active = self.active, self._lock.take()
        if self.active != was:
            log.info("relay is %s", "active" if self.active else "standing by")
        if not self.active:
            return 0
        number_new_rows()
        rows = [Row(*row) for row in _next()]
        if not rows:
            return 0
        self._settle(rows, self._send(rows))
        return len(rows)

    def idle(self) -> None:
        """Wait until there may be more to do."""
        if self.active:
            self._waker.wait(self._stop)
        else:
            self._stop.wait(STANDBY_SECONDS)

    def recover(self) -> None:
        """After a failure: give up what is in flight (the rows are kept) and a broken connection."""
        self._drop_producer()
        self._waker.close()
        if not connection.in_atomic_block:
            connection.close()

    def close(self) -> None:
        """End: another relay may go on at once."""
        self._drop_producer()
        self._waker.close()
        self._lock.release()
        self._heart.stop()

    # --- sending ------------------------------------------------------------------------------
    def _send(self, rows: Sequence[Row]) -> list[Sent]:
        """Hand the rows to the producer; one that was refused before goes alone."""
        if self._producer is None:
            self._producer = make_producer(linger_ms=0)
        sent: list[Sent] = []
        for row in rows:
            if row.attempts and sent:
                break
            try:
                sent.append((row, self._send_one(self._producer, row)))
            except REFUSED as error:
                self._refuse(row, error)
            if row.attempts:
                break
        return sent

    def _send_one(self, producer: KafkaProducer, row: Row) -> Any:  # noqa: ANN401 - its future
        headers = {EVENT_ID_HEADER: row.event_id} | row.headers
        if row.own:
            headers[SEQ_HEADER] = str(row.seq)
        return producer.send(
            topic_name(row.topic),
            key=row.key.encode(),
            value=bytes(row.value) if row.value is not None else None,
            headers=[(name, text.encode()) for name, text in headers.items()],
        )

    def _settle(self, rows: Sequence[Row], sent: Sequence[Sent]) -> None:
        """Wait for the acknowledgements and write down what became of each row."""
        in_time = self._await(sent)
        done = [(row, future.value) for row, future in sent if future.succeeded()]
        mark_published(done)
        self.published += len(done)
        last = {row.topic: row.seq for row, _ in done}  # rows come by seq: the highest of each topic
        failed = [(row, future.exception) for row, future in sent if future.failed()]
        for row, error in failed:
            self._after_failure(row, error, overtaken=(row.seq) < last.get(row.topic, 0))
        if failed or not in_time:
            self._drop_producer()  # after a failure it may fail whatever it is given (3.0.12)
        if not in_time:
            raise Unavailable(
                f"Kafka has not acknowledged {len(rows) - len(done)} events: sending them again"
            )
        if any(not isinstance(error, REFUSED) for _, error in failed):
            raise Unavailable(f"Kafka gave back {len(failed)} events: sending them again")

    def _await(self, sent: Sequence[Sent]) -> bool:
        """Whether every future was done before patience ended."""
        began = time.monotonic()
        for _, future in sent:
            while not future.is_done:
                age = time.monotonic() - began
                if age > (STOP_SECONDS if self._stop.is_set() else ACK_SECONDS):
                    return False
                self._beat(age)
                _wait(future)
        return True

    def _after_failure(self, row: Row, error: BaseException, *, overtaken: bool) -> None:
        """A row that Kafka gave back: refused for good when that happened to it alone, else tried again."""
        if isinstance(error, REFUSED) and row.attempts:
            self._refuse(row, error)
            return
        log.warning("outbox %s %s: %s: %s", row.topic, row.event_id, type(error).__name__, error)
        change: dict[str, Any] = {"error": str(error)}
        if isinstance(error, REFUSED):
            change["attempts"] = row.attempts + 1
        if overtaken or isinstance(error, REFUSED):
            # Readers skip numbers below one that they have seen, so it needs a new one.
            change["seq"] = None
        OutboxEvent.objects.filter(pk=row.pk).update(**change)

    def _refuse(self, row: Row, error: BaseException) -> None:
        self.refused += 1
        log.error(
            "outbox row %s (%s, key %s, event %s) can never be sent: %s. The others go on; see the admin.",
            row.pk, row.topic, row.key, row.event_id, error,
        )  # fmt: skip
        OutboxEvent.objects.filter(pk=row.pk).update(refused_at=timezone.now(), error=str(error))

    def _drop_producer(self) -> None:
        if self._producer is not None:
            close_quietly(self._producer, timeout=0)
            self._producer = None

    def _beat(self, unacknowledged_seconds: float) -> None:
        self._heart.beat(
            state="active" if self.active else "standby",
            published=self.published,
            refused=self.refused,
            unacknowledged_seconds=round(unacknowledged_seconds, 3),
        )


def run(stop: threading.Event) -> None:
    """Relay until asked to stop."""
    relay = Relay(stop)
    try:
        run_steps(
            relay.step,
            stop,
            name="relay",
            idle=relay.idle,
            recover=relay.recover,
            expected=(KafkaError, DatabaseError),
        )
    finally:
        relay.close()


def number_new_rows() -> int:
    """Give the oldest rows without a number the next ones, BATCH at most; how many."""
    if not _unnumbered():  # a read; what follows takes SQLite's one write lock
        return 0
    with transaction.atomic():
        last = _last_number()
        ids = [pk for (pk,) in _unnumbered()]
        bulk.amend(OutboxEvent, ("seq",), [(pk, last + place) for place, pk in enumerate(ids, start=1)])
        _count_on(value=last + len(ids))
    return len(ids)


def _last_number() -> int:
    """The last number that was given, held until the transaction ends."""
    if rows := _counter():
        return int(rows[0][0])
    OutboxCounter.objects.get_or_create(pk=1)
    return int(_counter()[0][0])


def unpublished() -> QuerySet[OutboxEvent]:
    """Rows that have a number and no acknowledgement, in the order of sending."""
    return OutboxEvent.objects.filter(
        seq__isnull=False, published_at__isnull=True, refused_at__isnull=True
    ).order_by("seq")


_unnumbered = Prepared(
    lambda: OutboxEvent.objects.filter(seq__isnull=True).order_by("id").values_list("id")[:BATCH]
)
_counter = Prepared(lambda: OutboxCounter.objects.select_for_update().filter(pk=1).values_list("value"))
_count_on = PreparedUpdate(lambda: OutboxCounter.objects.filter(pk=1), value=Slot("value"))
_next = Prepared(lambda: unpublished().values_list(*Row._fields)[:BATCH])


def mark_published(done: Iterable[tuple[Row, Any]]) -> None:
    """Write down where in Kafka each row is now. done: rows with their record's metadata."""
    now: datetime = timezone.now()
    places = [(row.pk, now, metadata.partition, metadata.offset, "") for row, metadata in done]
    if places:
        with transaction.atomic():
            bulk.amend(OutboxEvent, ("published_at", "partition", "offset", "error"), places)


def _wait(future: Any) -> None:  # noqa: ANN401 - kafka-python's future
    """Until it is done, or a moment has passed."""
    with contextlib.suppress(KafkaError):  # its failure stays in the future: whoever waits looks there
        future.get(timeout=0.2)
