"""What waits for somebody, oldest first, and why. Orders, levels -> here -> the admin's index and its filter.

A queue is a query along an index, or several; its count ends at MAX_COUNTED. What needs attention is the
oldest MAX_OF_A_PART orders of each of these: all of a reason stand in its own queue.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import or_

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone
from django.utils.timesince import timesince

from inventory.models import Level
from orders.models import Line, Mail, Order, Refund
from orders.selectors import FINAL
from orders.states import REFUNDABLE, Status
from shopsite.desk.counts import capped_counts, first_keys

MAX_COUNTED = 1_000  # a queue shows "1,000+" beyond
MAX_OF_A_PART = 200  # four pages: whoever has read so far goes on in the reason's own queue
ATTENTION = "attention"
Parts = Sequence[QuerySet[Order]]  # each along an index, oldest first


@dataclass(frozen=True)
class Queue:
    """Orders that wait for the same thing."""

    name: str  # in addresses
    title: str
    about: str
    parts: Callable[[datetime], Parts]
    why: Callable[[Order, datetime], str]  # why an order of it is there

    def rows(self, now: datetime) -> QuerySet[Order]:
        """All of its orders, oldest first."""
        return reduce(or_, self.parts(now))


def _in(status: Status) -> Callable[[datetime], Parts]:
    return lambda _now: [Order.objects.filter(status=status).order_by("changed_at", "pk")]


def _stuck(now: datetime) -> Parts:
    """By state: the oldest of all of them at once would be found by reading and sorting every one."""
    return [
        Order.objects.filter(
            status=status, changed_at__lt=now - timedelta(minutes=minutes), elsewhere=False
        ).order_by("changed_at", "pk")
        for status, minutes in settings.STUCK_MINUTES.items()
    ]


def _unfulfillable(_now: datetime) -> Parts:
    short = Line.objects.filter(
        order=OuterRef("pk"), product__level__tracked=True, product__level__on_hand__lt=0
    )
    # nothing is short on most days: else SQLite looked through the lines of every paid order to find that
    any_short = Level.objects.filter(tracked=True, on_hand__lt=0)
    rows = Order.objects.filter(Exists(any_short), Exists(short), status=Status.PAID)
    return [rows.order_by("changed_at", "pk")]


def _refused(_now: datetime) -> Parts:
    refused = Refund.objects.filter(state=Refund.State.REFUSED).values("order")
    return [Order.objects.filter(pk__in=refused, status__in=REFUNDABLE).order_by("changed_at", "pk")]


def _unread(_now: datetime) -> Parts:
    """Until the order is over: then there is nothing left to tell."""
    failed = Mail.objects.filter(state=Mail.State.FAILED).values("order")
    return [Order.objects.filter(pk__in=failed).exclude(status__in=FINAL).order_by("changed_at", "pk")]


def _waited(order: Order, now: datetime) -> str:
    return timesince(order.changed_at, now, depth=1)


def _why_stuck(order: Order, now: datetime) -> str:
    minutes = settings.STUCK_MINUTES.get(order.status, 0)
    limit = timesince(now - timedelta(minutes=minutes), now, depth=1)
    return f"{order.get_status_display()} for {_waited(order, now)}; it should take {limit} at most."


WORK: Sequence[Queue] = (
    Queue(
        "to_pack", "To pack", "paid, and not in a box yet", _in(Status.PAID),
        lambda order, now: f"Paid {_waited(order, now)} ago.",
    ),
    Queue(
        "to_ship", "To ship", "in a box that has not left", _in(Status.PACKED),
        lambda order, now: f"Packed {_waited(order, now)} ago.",
    ),
)  # fmt: skip
REASONS: Sequence[Queue] = (
    Queue(
        "payment_failed", "Payment failed", "the card was declined, and no other one tried",
        _in(Status.PAYMENT_FAILED),
        lambda order, now: f"The payment failed {_waited(order, now)} ago.",
    ),
    Queue(
        "unfulfillable", "Paid, and not there", "more was sold than there was", _unfulfillable,
        lambda _order, _now: "Paid, but of a product more was sold than there was.",
    ),
    Queue("stuck", "Stuck", "longer in a state than it should take", _stuck, _why_stuck),
    Queue(
        "backordered", "Backordered", "waits for stock", _in(Status.BACKORDERED),
        lambda order, now: f"Waits for stock since {_waited(order, now)}.",
    ),
    Queue(
        "refund_refused", "Refund refused", "the gateway gave no money back", _refused,
        lambda _order, _now: "The gateway refused a refund: the customer still waits for money.",
    ),
    Queue(
        "mail_failed", "Mail failed", "the customer was not reached", _unread,
        lambda _order, _now: "A mail to the customer failed: its row below the order says why.",
    ),
)  # fmt: skip
QUEUES: Mapping[str, Queue] = {queue.name: queue for queue in (*WORK, *REASONS)}


def counts() -> dict[str, int]:
    """How many orders each queue has, by its name, at most MAX_COUNTED + 1: one query."""
    now = timezone.now()
    return capped_counts({name: queue.rows(now).order_by() for name, queue in QUEUES.items()}, MAX_COUNTED)


def attention(now: datetime) -> dict[str, list[str]]:
    """The names of the reasons for which orders need attention, by order, oldest of each: one query."""
    parts = {f"{queue.name} {at}": part for queue in REASONS for at, part in enumerate(queue.parts(now))}
    reasons: dict[str, list[str]] = {}
    for name, order_ids in first_keys(parts, MAX_OF_A_PART).items():
        for order_id in order_ids:
            reasons.setdefault(order_id, []).append(name.partition(" ")[0])
    return reasons


def why(order: Order, names: Sequence[str], now: datetime) -> str:
    """Why an order stands in these queues, in sentences."""
    return " ".join(QUEUES[name].why(order, now) for name in names)
