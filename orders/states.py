"""The states of an order and every move between them. services.py asks here before it writes.

Nothing else decides what an order may do next: admin, tasks and events all go by this table.
"""

from collections.abc import Mapping

from django.db.models import TextChoices


class Status(TextChoices):
    """Where an order stands."""

    PLACED = "placed", "Placed"
    BACKORDERED = "backordered", "Backordered"
    PAYMENT_FAILED = "payment_failed", "Payment failed"
    PAID = "paid", "Paid"
    PACKED = "packed", "Packed"
    SHIPPED = "shipped", "Shipped"
    DELIVERED = "delivered", "Delivered"
    REFUND_PENDING = "refund_pending", "Refund pending"
    REFUNDED = "refunded", "Refunded"
    CANCELLED = "cancelled", "Cancelled"
    REJECTED = "rejected", "Rejected"


NEW = ""  # the state before the first row of an order's history

TABLE: Mapping[str, frozenset[Status]] = {
    # an order told by another system may begin at what happened to it there
    NEW: frozenset({Status.PLACED, Status.BACKORDERED, Status.REJECTED, Status.PAID, Status.REFUNDED}),
    Status.PLACED: frozenset({Status.PAID, Status.PAYMENT_FAILED, Status.CANCELLED}),
    Status.BACKORDERED: frozenset({Status.PLACED, Status.CANCELLED}),
    # placed again: the shopper pays with another card; paid: the bank's answer came late
    Status.PAYMENT_FAILED: frozenset({Status.PLACED, Status.PAID, Status.CANCELLED}),
    Status.PAID: frozenset({Status.PACKED, Status.REFUND_PENDING}),
    Status.PACKED: frozenset({Status.SHIPPED, Status.REFUND_PENDING}),
    Status.SHIPPED: frozenset({Status.DELIVERED, Status.REFUND_PENDING}),
    Status.DELIVERED: frozenset({Status.REFUND_PENDING}),
    # back to where it was: only a part was refunded, or the gateway refused
    Status.REFUND_PENDING: frozenset(
        {Status.REFUNDED, Status.PAID, Status.PACKED, Status.SHIPPED, Status.DELIVERED}
    ),
    Status.REFUNDED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.REJECTED: frozenset(),
}

# What the orders topic calls the arrival at a state; the states that are missing are told to nobody.
EVENT_TYPES: Mapping[str, str] = {
    status: f"order_{status}"
    for status in Status.values
    if status not in (Status.PLACED, Status.REFUND_PENDING)
}

OPEN = (Status.PLACED, Status.BACKORDERED, Status.PAYMENT_FAILED, Status.PAID, Status.PACKED, Status.SHIPPED)
UNPAID = (Status.PLACED, Status.BACKORDERED, Status.PAYMENT_FAILED)
REFUNDABLE = (Status.PAID, Status.PACKED, Status.SHIPPED, Status.DELIVERED)


def ways_for_people(current: str) -> frozenset[Status]:
    """Where somebody may bring an order from here. Out of a pending refund only the refund's end leads."""
    return frozenset() if current == Status.REFUND_PENDING else TABLE[current]


class ForbiddenMove(Exception):
    """The order may not go there from where it stands: show the message, change nothing.

    why: the message, where it is not that the table has no such move.
    """

    def __init__(self, order_id: str, current: str, wanted: str, why: str = "") -> None:
        here, there = (status.replace("_", " ") for status in (current, wanted))
        ways = ", ".join(sorted(TABLE.get(current, frozenset()))).replace("_", " ") or "nothing any more"
        super().__init__(
            why or f"Order {order_id} is {here} and cannot become {there}; it can become: {ways}."
        )
        self.order_id, self.current, self.wanted = order_id, current, wanted


def check(order_id: str, current: str, wanted: str) -> None:
    """Raise ForbiddenMove unless the table allows the move."""
    if wanted not in TABLE.get(current, frozenset()):
        raise ForbiddenMove(order_id, current, wanted)
