"""What dashboards show of orders and stock. orders, inventory -> here -> the live page's hub, /ops, readyz.

Each call takes few queries whose cost does not grow with the shop's history; callers cache a second.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, F, Min
from django.utils import timezone

from inventory.models import Level, Movement
from inventory.outlook import Outlook, outlook
from inventory.selectors import StockView, available, movements_of
from orders.models import Line, Mail, Order
from orders.states import Status

MAX_COUNTED: Final = 10_000  # in one status; a board says "10,000+" beyond
FAILED_DAYS: Final = 7  # a mail that failed before that is no news
SHOWN: Final = 20  # of the products that need attention


@dataclass(frozen=True)
class StatusRow:
    """How many orders stand in a status, and since when the one that waits longest."""

    status: str
    label: str
    count: int  # at most MAX_COUNTED
    oldest_at: datetime | None

    @property
    def capped(self) -> bool:
        """Whether there are more than `count`."""
        return self.count >= MAX_COUNTED


@dataclass(frozen=True)
class ShortProduct:
    """A product that is almost gone, gone, or below zero."""

    product_id: str
    title: str
    on_hand: int
    available: int
    low_at: int


@dataclass(frozen=True)
class Attention:
    """What somebody should look at."""

    payment_failed: int  # at most MAX_COUNTED, as the next
    paid_unfulfillable: int  # paid orders with a product of which more was sold than there was
    below_zero: int  # such products
    low_stock: list[ShortProduct]  # the shortest first, at most SHOWN
    low_stock_count: int


@dataclass(frozen=True)
class MailQueue:
    """Mails to customers that wait, and those that failed."""

    waiting: int  # at most MAX_COUNTED
    oldest_at: datetime | None  # since when the oldest of them waits
    due_at: datetime | None  # when the most overdue of them was due
    why: str  # what the server said last to one that waits; empty where it said nothing
    failed: int  # of FAILED_DAYS, at most MAX_COUNTED


def mail_queue() -> MailQueue:
    """Mails that wait or failed: three queries, along indexes of such mails alone."""
    due = Mail.objects.filter(state=Mail.State.DUE)
    queue = due.order_by("next_try_at")[:MAX_COUNTED]
    found = queue.aggregate(count=Count("pk"), oldest=Min("created_at"), due=Min("next_try_at"))
    tried = due.exclude(why="").order_by("next_try_at").values_list("why", flat=True)
    since = timezone.now() - timedelta(days=FAILED_DAYS)
    failed = Mail.objects.filter(state=Mail.State.FAILED, created_at__gte=since)
    return MailQueue(
        waiting=found["count"],
        oldest_at=found["oldest"],
        due_at=found["due"],
        why=(tried.first() or "") if found["count"] else "",
        failed=failed[:MAX_COUNTED].count(),
    )


def order_pipeline() -> list[StatusRow]:
    """Every status with its number of orders: a query each, along its index, at most MAX_COUNTED rows."""
    rows = []
    for status in Status:
        queue = Order.objects.filter(status=status).order_by("changed_at")[:MAX_COUNTED]
        found = queue.aggregate(count=Count("changed_at"), oldest=Min("changed_at"))
        rows.append(StatusRow(status.value, str(status.label), found["count"], found["oldest"]))
    return rows


def stock_of(skus: Iterable[str]) -> dict[str, StockView]:
    """The stock of these products, in one query."""
    return available(skus)


def outlook_of(skus: Iterable[str]) -> dict[str, Outlook]:
    """How fast these products sell, and when they will be sold out, in one query."""
    return outlook(skus)


def ledger_of(sku: str, most: int) -> list[Movement]:
    """The product's last movements of stock, newest first, in one query."""
    return movements_of(sku, before=None, limit=most)


def attention() -> Attention:
    """Failed payments, what was sold and is not there, and what is almost gone: five queries."""
    tracked = Level.objects.filter(tracked=True)
    low = tracked.filter(on_hand__lte=F("reserved") + F("low_at"), product__listed=True)
    shortest = low.select_related("product").order_by(F("on_hand") - F("reserved"), "pk")[:SHOWN]
    failed = Order.objects.filter(status=Status.PAYMENT_FAILED)[:MAX_COUNTED]
    missing = tracked.filter(on_hand__lt=0)
    short = Line.objects.filter(product__level__in=missing)
    stuck = Order.objects.filter(status=Status.PAID, pk__in=short.values("order_id"))[:MAX_COUNTED]
    return Attention(
        payment_failed=failed.count(),
        paid_unfulfillable=stuck.count(),
        below_zero=missing.count(),
        low_stock=[
            ShortProduct(
                level.pk, level.product.title, level.on_hand, level.on_hand - level.reserved, level.low_at
            )
            for level in shortest
        ],
        low_stock_count=low.count(),
    )
