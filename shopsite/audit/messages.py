"""One topic's messages as the shop should have taken them. Kafka -> here -> orders.py, stock.py.

A message counts as taken where consume has passed it and it does not wait in the inbox.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from dashboards.counting.log import LogReader, set_aside
from shopsite.events.consume import GROUP
from shopsite.events.inbox import fallback_event_id, is_own, position
from shopsite.events.models import InboxEvent, InboxState, OutboxEvent, StoredOffset
from shopsite.events.schemas import Event, PoisonEvent
from shopsite.pipeline import ROUTES


@dataclass(frozen=True)
class Message:
    """A message that can be read."""

    event: Event
    own: bool  # sent by our relay
    taken: bool  # its effect must be there


class Messages:
    """The messages of one topic, and how far the database has come with them."""

    def __init__(self, log: LogReader, topic: str) -> None:
        self.topic, self._log, self._route = topic, log, ROUTES[topic]
        self.notes: list[str] = []
        self.unreadable: set[str] = set()  # positions, up to where consume has come
        # first how far, then what waits: a row may be done meanwhile, which only makes it count
        self.reached = dict(
            StoredOffset.objects.filter(group=GROUP, topic=topic).values_list("partition", "next_offset")
        )
        waiting = InboxEvent.objects.filter(topic=topic).exclude(state=InboxState.DONE)
        self._waiting = set(waiting.values_list("partition", "offset"))
        self.started = datetime.now(UTC)
        self.aside = set_aside(log, topic)  # dead letters: what consume or the drain could not process
        self.whole = True  # the log goes back to its first message

    def read(self) -> Iterator[Message]:
        """Every message that can be read, partition by partition."""
        for partition in self._log.partitions(self.topic):
            start, end = self._log.bounds(self.topic, partition)
            if start:
                self.whole = False
                self.notes.append(f"{self.topic}-{partition}: what was before offset {start} is not provable")
            for records in self._log.read(self.topic, partition, start, end):
                for record in records:
                    if (message := self._message(partition, record)) is not None:
                        yield message

    def _message(self, partition: int, record: object) -> Message | None:
        offset, value, headers = record.offset, record.value, record.headers  # type: ignore[attr-defined]
        origin = fallback_event_id(self.topic, partition, offset, headers)
        passed = offset < self.reached.get(partition, 0)
        if position(self.topic, partition, offset) in self.aside:
            self.unreadable.add(position(self.topic, partition, offset))
            return None
        try:
            wanted = self._route.wanted(value, headers)
            event = self._route.read(value, origin=origin, now=self.started)
        except PoisonEvent:
            if passed and self._is_wanted(value, headers):
                self.unreadable.add(position(self.topic, partition, offset))
            return None
        taken = passed and wanted and (partition, offset) not in self._waiting
        return Message(event, is_own(headers), taken)

    def _is_wanted(self, value: bytes | None, headers: object) -> bool:
        """Whether consume would have read it: what it would skip need not be readable."""
        try:
            return self._route.wanted(value, headers)  # type: ignore[arg-type]
        except PoisonEvent:
            return True

    def is_moving(self, *, key: str = "", event_id: str = "") -> bool:
        """Whether an event of that key or id is only on its way, or came while the audit ran."""
        rows = OutboxEvent.objects.filter(topic=self.topic, refused_at=None)
        rows = rows.filter(key=key) if key else rows.filter(event_id=event_id)
        # what was published before the audit began is in the log that it reads
        return rows.filter(Q(published_at=None) | Q(published_at__gte=self.started)).exists()

    def has_passed(self, origin: str) -> bool:
        """Whether the message at "topic:partition:offset" was taken by this audit's count."""
        _, partition, offset = origin.rsplit(":", 2)
        place = int(partition), int(offset)
        return place[1] < self.reached.get(place[0], 0) and place not in self._waiting
