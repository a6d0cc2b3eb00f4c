"""Laws of a shop at rest: whatever was begun has come to its end."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from inventory.models import Reservation
from orders.models import Mail, Order, Payment, Refund
from shopsite.events.models import DeadLetter, InboxEvent, InboxState, OutboxEvent
from tests.support.laws.books import Books
from tests.support.laws.money import SETTLED


def nothing_is_under_way_any_more(books: Books) -> Iterator[str]:
    """No order waits to be paid, no refund or mail to go, no event to be sent or processed."""
    waiting: dict[str, QuerySet[Any]] = {
        "orders": Order.objects.filter(status__in=("placed", "refund_pending")),
        "payments": Payment.objects.exclude(state__in=SETTLED),
        "refunds": Refund.objects.filter(state="due"),
        "mails": Mail.objects.filter(state="due"),
        "reservations": Reservation.objects.filter(state="open"),
        "outbox rows": OutboxEvent.objects.filter(published_at=None),
        "inbox rows": InboxEvent.objects.filter(state=InboxState.WAITING),
    }
    for name, rows in waiting.items():
        if found := list(rows):  # in one look: what was under way may be over at the next
            yield f"{len(found)} {name}, such as {found[0]}"


def nothing_was_given_up(books: Books) -> Iterator[str]:
    """No event was refused or became a dead letter."""
    for refused in OutboxEvent.objects.exclude(refused_at=None):
        yield f"outbox row {refused}: {refused.error}"
    for row in InboxEvent.objects.filter(state=InboxState.DEAD):
        yield f"inbox row {row}: {row.error}"
    for letter in DeadLetter.objects.all():
        yield f"dead letter {letter}: {letter.reason}"
