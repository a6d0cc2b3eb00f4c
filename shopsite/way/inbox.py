"""The order's messages as they were read from Kafka and processed. events.InboxEvent -> here."""

from collections.abc import Iterable

from django.urls import reverse

from shopsite.events.models import InboxEvent, InboxState
from shopsite.way.entries import MAX_ROWS, Ahead, Entry, Subject


def happened(subject: Subject) -> Iterable[Entry | Ahead]:
    """Each message: when it was read, and when it was done."""
    rows = InboxEvent.objects.filter(topic="orders", key=subject.order_id).order_by("pk")
    for row in rows.defer("value")[:MAX_ROWS]:
        source = f"inbox {row.pk} · {row} · {row.event_id}"
        link = reverse("admin:events_inboxevent_change", args=[row.pk])
        yield Entry(
            at=row.received_at,
            kind="event",
            what="The order's message was read back from Kafka.",
            detail=f"topic {row.topic}, partition {row.partition}, offset {row.offset}",
            source=source,
            link=link,
        )
        if row.state == InboxState.WAITING:
            yield _waits(row)
        elif row.done_at:
            is_dead = row.state == InboxState.DEAD
            failed = f"Processing it failed {row.attempts} times; it was set aside as a dead letter."
            yield Entry(
                at=row.done_at,
                kind="event",
                what=failed if is_dead else "The message was processed.",
                detail=row.error[:300] if is_dead else "",
                source=source,
                tone="bad" if is_dead else "",
                link=link,
            )


def _waits(row: InboxEvent) -> Ahead:
    if not row.attempts:
        return Ahead(f"A worker processes the message {row}.", row.due_at or row.received_at)
    return Ahead(
        f"The message {row} failed {row.attempts} times ({row.error[:200]}); it is tried again.",
        row.due_at,
        "bad",
    )
