"""What the order waits for where it stands now. The order's status -> here."""

from collections.abc import Iterable, Mapping
from datetime import timedelta

from django.conf import settings

from orders.states import Status
from shopsite.way.entries import Ahead, Subject

WAITS: Mapping[str, str] = {
    Status.BACKORDERED: "It is filled when stock comes, oldest order first, and charged then.",
    Status.PAYMENT_FAILED: "Nothing happens by itself: the shopper may try another card, or cancel.",
    Status.PAID: "Somebody packs it.",
    Status.PACKED: "Somebody ships it.",
    Status.SHIPPED: "It arrives, and somebody says so.",
    Status.DELIVERED: "Nothing more: it is delivered.",
    Status.CANCELLED: "Nothing more: it is cancelled.",
    Status.REJECTED: "Nothing more: it could not be reserved, and was not charged.",
    Status.REFUNDED: "Nothing more: the money was given back.",
}


def happened(subject: Subject) -> Iterable[Ahead]:
    """One sentence, and from when on the admin calls it stuck."""
    order = subject.order
    if order is None:
        return
    if sentence := WAITS.get(order.status):
        yield Ahead(sentence)
    minutes = settings.STUCK_MINUTES.get(order.status)
    if minutes is not None and not order.elsewhere:
        yield Ahead(
            "If it stands there still, it is listed as stuck.", order.changed_at + timedelta(minutes=minutes)
        )
