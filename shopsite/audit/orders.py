"""Orders in the database against the orders topic. messages.py -> here -> checks.

Every order that was placed in the log is there, with the amount and units of its first message, and
stands where the last of its own events says; and no order is there that the log does not know.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, F, OuterRef, Subquery, Sum

from dashboards.keys import micros, money
from dashboards.proof.findings import Check
from orders.models import Line, Order, Transition
from orders.states import EVENT_TYPES
from shopsite.audit.messages import Messages
from shopsite.events.schemas import OrderChanged, OrderPlaced

Facts = tuple[str, Decimal, int, int]  # currency, amount, lines, units


@dataclass(slots=True)
class Told:
    """What the log says of one order."""

    placed: Facts | None = None  # by its first message that was taken
    status: str | None = None  # by the last of our own events


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database says of one order."""

    facts: Facts
    status: str
    last: str  # where its history ends
    last_told: str | None  # the last of its states that an event told of


def audit_orders(messages: Messages) -> list[Check]:
    """Compare every order of the log with the database's, and the other way round."""
    told = _read_log(messages)
    checks: list[Check] = []
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    placed = found = 0
    for order_id, kept in _read_database():
        facts = told.pop(order_id, None)
        if facts is not None and facts.placed is not None:
            placed, found = placed + 1, found + 1
            sums[facts.placed[0]][0] += micros(facts.placed[1])
            sums[kept.facts[0]][1] += micros(kept.facts[1])
        differences = list(_compare(order_id, facts, kept, whole=messages.whole))
        if differences and not messages.is_moving(key=order_id):
            checks += differences
    for order_id, facts in told.items():
        if facts.placed is not None:
            placed += 1
            if not Order.objects.filter(pk=order_id).exists():  # it may have come meanwhile
                checks.append(Check(f"order {order_id}", "placed", "not in the database"))
            else:
                found += 1
    totals = [Check("orders placed in the log that are in the database", placed, found)]
    totals += [
        Check(f"amount of these orders, {currency}", money(log), money(stored))
        for currency, (log, stored) in sorted(sums.items())
    ]
    return totals + checks


def _read_log(messages: Messages) -> dict[str, Told]:
    told: dict[str, Told] = defaultdict(Told)
    for message in messages.read():
        event = message.event
        if isinstance(event, OrderPlaced):
            order = told[event.order_id]
            if order.placed is None and (message.own or message.taken):
                lines = event.order_lines()
                units = sum(line.quantity for line in lines)
                order.placed = (event.currency or settings.SHOP_CURRENCY, event.amount, len(lines), units)
        elif isinstance(event, OrderChanged) and message.own:
            told[event.order_id].status = event.status
    return told


def _stands_elsewhere(order_id: str) -> bool:
    """Whether the order's state is not the one that its history ends with, by one statement."""
    history = Transition.objects.filter(order=OuterRef("pk")).order_by("-pk").values("to_status")
    orders = Order.objects.annotate(last=Subquery(history[:1]))
    return orders.filter(pk=order_id).exclude(status=F("last")).exists()


def _read_database() -> Iterator[tuple[str, Kept]]:
    """Every order as it stands. Its history is read a moment later, and may be further."""
    orders = list(Order.objects.order_by().values_list("order_id", "currency", "amount", "status"))
    units = {
        order_id: (lines, total)
        for order_id, lines, total in Line.objects.order_by()
        .values_list("order_id")
        .annotate(lines=Count("pk"), units=Sum("quantity"))
    }
    last: dict[str, str] = {}
    last_told: dict[str, str] = {}
    steps = Transition.objects.order_by("pk").values_list("order_id", "to_status")
    for order_id, status in steps.iterator(chunk_size=5_000):
        last[order_id] = status
        if status in EVENT_TYPES:
            last_told[order_id] = status
    for order_id, currency, amount, status in orders:
        facts = (currency, amount, *units.get(order_id, (0, 0)))
        yield order_id, Kept(facts, status, last.get(order_id, ""), last_told.get(order_id))


def _compare(order_id: str, told: Told | None, kept: Kept, *, whole: bool) -> Iterator[Check]:
    name = f"order {order_id}"
    if told is None or told.placed is None:
        if whole:
            yield Check(name, "not in the log", "in the database")
        return
    names = ("currency", "amount", "lines", "units")
    for what, log, stored in zip(names, told.placed, kept.facts, strict=True):
        if log != stored:
            shown = (str(log), str(stored)) if isinstance(log, Decimal) else (log, stored)
            yield Check(f"{name}: {what}", *shown)
    if kept.status != kept.last and _stands_elsewhere(order_id):
        yield Check(f"{name}: status, which its history ends with", kept.last, kept.status)
    elif kept.last_told != told.status:
        yield Check(f"{name}: status told", told.status or "none", kept.last_told or "none")
