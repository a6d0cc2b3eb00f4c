"""Messages of the order that could not be processed. events.DeadLetter -> here."""

from collections.abc import Iterable

from django.urls import reverse

from shopsite.events.models import DeadLetter
from shopsite.way.entries import MAX_ROWS, Ahead, Entry, Subject


def happened(subject: Subject) -> Iterable[Entry | Ahead]:
    """Each dead letter under this order's key, and whether it was sent again."""
    rows = DeadLetter.objects.filter(topic="orders", key=subject.order_id).order_by("pk")
    for letter in rows.defer("value", "headers")[:MAX_ROWS]:
        source = f"dead letter {letter.pk} · {letter}"
        link = reverse("admin:events_deadletter_change", args=[letter.pk])
        yield Entry(
            at=letter.seen_at,
            kind="event",
            what=f"A message of this order could not be processed: {letter.reason[:300]}.",
            detail=f"topic {letter.topic}, partition {letter.partition}, offset {letter.offset}",
            source=source,
            tone="warn" if letter.resent_at else "bad",
            link=link,
        )
        if letter.resent_at:
            yield Entry(letter.resent_at, "event", "It was sent to its topic again.", source, link=link)
        else:
            yield Ahead(
                f"Nothing happens to the message {letter} by itself: mend it and send it again.", tone="bad"
            )
