"""The order's events on their way into Kafka. events.OutboxEvent -> here.

Published rows are trimmed after KEEP_OUTBOX_DAYS; then log.py finds their places in Kafka itself.
"""

from collections.abc import Iterable
from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from shopsite.events.inbox import position
from shopsite.events.models import OutboxEvent
from shopsite.way.entries import MAX_ROWS, Ahead, Entry, Subject

LATE = timedelta(minutes=1)  # the relay takes a fraction of a second


def happened(subject: Subject) -> Iterable[Entry | Ahead]:
    """Each event: when it was decided, and where Kafka put it."""
    rows = OutboxEvent.objects.filter(topic="orders", key=subject.order_id).order_by("pk")
    for row in rows.defer("value", "headers")[:MAX_ROWS]:
        link = reverse("admin:events_outboxevent_change", args=[row.pk])
        name = row.event_id.partition(":")[0]
        yield Entry(
            at=row.created_at,
            kind="event",
            what=f"The event {name} was written down, to be told.",
            source=f"outbox {row.pk} · {row.event_id}",
            link=link,
        )
        if row.published_at:
            yield Entry(
                at=row.published_at,
                kind="event",
                what=f"Kafka has the event {name}, and the relay knows it.",
                detail=f"topic {row.topic}, partition {row.partition}, offset {row.offset}",
                source=" · ".join(
                    (position(row.topic, row.partition or 0, row.offset or 0), f"seq {row.seq}")
                ),
                link=link,
            )
        else:
            yield from _unsent(row, name)


def _unsent(row: OutboxEvent, name: str) -> Iterable[Entry | Ahead]:
    if row.refused_at:
        yield Entry(
            at=row.refused_at,
            kind="event",
            what=f"Kafka refused the event {name} for ever: nobody hears of it.",
            detail=row.error[:300],
            source=f"outbox {row.pk}",
            tone="bad",
        )
        return
    is_late = timezone.now() - row.created_at > LATE
    words = "It is late: is the relay running, and Kafka there?" if is_late else ""
    yield Ahead(f"The relay sends the event {name} to Kafka. {words}".strip(), tone="bad" if is_late else "")
