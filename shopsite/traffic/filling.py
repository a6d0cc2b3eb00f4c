"""A great many orders at once, to measure on. `fill_orders` -> here -> bulk.insert.

Nothing of them happened: no event, no stock, no mail. So `audit` finds them, and `reconcile` does not. The
same seed makes the same orders, but for their times, which end today.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from orders.models import Line, Order, Payment, Transition
from orders.states import Status
from shopsite import bulk
from shopsite.catalogue.models import Product
from shopsite.fulfilment.place import ALPHABET, ID_CHARS
from shopsite.traffic.shoppers.people import CITIES, FIRST, LAST

MARK = "filled"  # in session_id: what a later run knows its own by
BATCH = 5_000  # orders a transaction
SPAN = timedelta(days=365)
SQLITE_CACHE_KIB = 400_000
HELD = {  # of a thousand orders, how many stand where; most of a shop's are long over
    Status.DELIVERED: 905, Status.CANCELLED: 30, Status.REFUNDED: 20, Status.SHIPPED: 15, Status.PAID: 12,
    Status.PAYMENT_FAILED: 8, Status.PACKED: 5, Status.PLACED: 2, Status.REJECTED: 2, Status.BACKORDERED: 1,
}  # fmt: skip
PAID_FIRST = (Status.PLACED, Status.PAID)
PATHS: Mapping[Status, Sequence[Status]] = {
    Status.PAID: PAID_FIRST,
    Status.PACKED: (*PAID_FIRST, Status.PACKED),
    Status.SHIPPED: (*PAID_FIRST, Status.PACKED, Status.SHIPPED),
    Status.DELIVERED: (*PAID_FIRST, Status.PACKED, Status.SHIPPED, Status.DELIVERED),
    Status.REFUNDED: (*PAID_FIRST, Status.REFUND_PENDING, Status.REFUNDED),
    Status.CANCELLED: (Status.PLACED, Status.CANCELLED),
    Status.PAYMENT_FAILED: (Status.PLACED, Status.PAYMENT_FAILED),
}
OF_OTHERS = 0.02  # of all orders come from another system, which tells no name and no address
PAID_THERE = 0.1  # of these were paid there
RECENT = (Status.PAID, Status.PACKED, Status.PLACED, Status.SHIPPED)  # nobody leaves these for a year
STEP = timedelta(hours=5)


class NothingToSell(Exception):
    """The catalogue is empty: run seed first."""


@dataclass
class _Rows:
    """The rows of one batch, by table."""

    orders: list[tuple[object, ...]] = field(default_factory=list)
    lines: list[tuple[object, ...]] = field(default_factory=list)
    history: list[tuple[object, ...]] = field(default_factory=list)
    payments: list[tuple[object, ...]] = field(default_factory=list)


def has_real_orders() -> bool:
    """Whether there are orders that this did not make."""
    return Order.objects.exclude(session_id=MARK).exists()


def fill(count: int, *, seed: int, until: datetime, progress: Callable[[int], None]) -> None:
    """Make orders, BATCH a transaction. Raises NothingToSell, or IntegrityError for a seed used."""
    goods: list[Any] = list(
        Product.objects.filter(price__isnull=False).order_by("pk").values_list("pk", "title", "price")
    )
    if not goods:
        raise NothingToSell("There is nothing to sell: run `manage.py seed` first.")
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:  # its indexes are written at random: in memory, not on disk
            cursor.execute(f"PRAGMA cache_size = -{SQLITE_CACHE_KIB}")
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        _write(_rows(numbers, count, Random(f"{seed}/{start}"), goods, until))
        progress(numbers.stop)


def _rows(
    numbers: range, count: int, random: Random, goods: list[tuple[str, str, Decimal]], until: datetime
) -> _Rows:
    rows = _Rows()
    states = random.choices(list(HELD), weights=list(HELD.values()), k=len(numbers))
    for number, status in zip(numbers, states, strict=True):
        age = SPAN * (1 - number / count) if status not in RECENT else timedelta(hours=72) * random.random()
        _order(rows, random, status, until - age, goods)
    return rows


def _order(
    rows: _Rows, random: Random, status: Status, at: datetime, goods: list[tuple[str, str, Decimal]]
) -> None:
    order_id = "".join(random.choices(ALPHABET, k=ID_CHARS))
    lines = random.sample(goods, min(random.choices((1, 2, 3), weights=(6, 3, 1))[0], len(goods)))
    amount = sum((price for _, _, price in lines), Decimal(0))
    steps = PATHS.get(status, (status,))
    times = [at + STEP * place for place in range(len(steps))]
    first, last = random.choice(FIRST), random.choice(LAST)
    user_id = f"{random.getrandbits(128):032x}"
    country = random.choice(list(CITIES))
    city, postcode = CITIES[country]
    whose = (f"{first}.{user_id[:8]}@example.com", f"{first} {last}", city, postcode, country)
    others = status != Status.PAYMENT_FAILED and random.random() < OF_OTHERS
    elsewhere = others and Status.PAID in steps and random.random() < PAID_THERE
    source = Order.Source.KAFKA if others else Order.Source.SHOP
    rows.orders.append(
        (
            order_id, user_id, MARK, status.value, source.value, elsewhere, settings.SHOP_CURRENCY, amount,
            amount if status == Status.REFUNDED else Decimal(0), at,
            times[1] if Status.PAID in steps else None, times[-1],
            *(("", "", "", "", "") if others else whose),
        )
    )  # fmt: skip
    rows.lines.extend((order_id, sku, title, 1, price) for sku, title, price in lines)
    rows.history.extend(_history(order_id, steps, times))
    if not elsewhere:
        rows.payments.append(
            (order_id, order_id, "filled", "4242", settings.SHOP_CURRENCY, amount, _charged(steps), at, at)
        )


def _history(
    order_id: str, steps: Sequence[Status], times: Sequence[datetime]
) -> Iterator[tuple[object, ...]]:
    before = ""
    for step, at in zip(steps, times, strict=True):
        yield order_id, at, before, step.value, "filled", "fill_orders"
        before = step.value


def _charged(steps: Sequence[Status]) -> str:
    if Status.PAID in steps:
        return str(Payment.State.CAPTURED.value)
    return str((Payment.State.DECLINED if Status.PAYMENT_FAILED in steps else Payment.State.VOID).value)


@transaction.atomic
def _write(rows: _Rows) -> None:
    bulk.insert(
        Order,
        (
            "order_id", "user_id", "session_id", "status", "source", "elsewhere", "currency", "amount",
            "refunded", "placed_at", "paid_at", "changed_at", "email", "name", "city", "postcode",
            "country",
        ),
        rows.orders,
    )  # fmt: skip
    bulk.insert(Line, ("order_id", "product_id", "title", "quantity", "price"), rows.lines)
    bulk.insert(Transition, ("order_id", "at", "from_status", "to_status", "why", "actor"), rows.history)
    bulk.insert(
        Payment,
        (
            "order_id", "key", "token", "last4", "currency", "amount", "state", "created_at", "settled_at",
        ),
        rows.payments,
    )  # fmt: skip
