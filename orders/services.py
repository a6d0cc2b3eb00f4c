"""Every write of an order that needs no stock. fulfilment -> here -> Order, Transition, outbox.

All of it runs in the caller's transaction.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django.db.models.functions import Coalesce
from django.utils import timezone

from orders import news
from orders.models import Lead, Line, Order, Transition
from orders.states import EVENT_TYPES, NEW, ForbiddenMove, Status, check
from shopsite import bulk
from shopsite.events.outbox import publish, publish_many
from shopsite.events.schemas import OrderChanged, OrderLine
from shopsite.naming import event_name
from shopsite.prepared import Prepared, PreparedUpdate, Slot


class UnknownOrder(Exception):
    """There is no such order."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"There is no order {order_id}.")


class MovedMeanwhile(ForbiddenMove):
    """Somebody else moved the order between the look and the write: look again."""


def get(order_id: str) -> Order:
    """The order as it stands. Raises UnknownOrder."""
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise UnknownOrder(order_id)
    return order


def create(order: Order, lines: Sequence[Line], *, actor: str, why: str, event_id: str) -> None:
    """Write a new order with its lines and the first row of its history."""
    check(order.order_id, NEW, order.status)
    bulk.insert_objects([order])
    bulk.insert_objects(lines)
    _write_history(order, NEW, actor=actor, why=why, event_id=event_id, at=order.placed_at)


def keep_lead(lead: Lead) -> None:
    """Remember what brought the visit that ordered; a form that comes twice keeps its first."""
    Lead.objects.bulk_create([lead], ignore_conflicts=True)


def note(
    order: Order, previous: str, *, actor: str, why: str, event_id: str = "", at: datetime | None = None
) -> None:
    """Add a row to the history: the order came from `previous` to where it is now."""
    _write_history(order, previous, actor=actor, why=why, event_id=event_id, at=at or timezone.now())
    news.tell([order.order_id])


def _write_history(order: Order, previous: str, *, actor: str, why: str, event_id: str, at: datetime) -> None:
    row = Transition(
        order=order,
        at=at,
        from_status=previous,
        to_status=order.status,
        why=why[:300],
        actor=actor[:150],
        event_id=event_id,
    )
    bulk.insert_objects([row])


def move(
    order: Order,
    to: Status,
    *,
    actor: str,
    why: str = "",
    event_id: str = "",
    paid_at: datetime | None = None,
) -> str:
    """Move an order along the table, as one conditional update. Returns where it came from.

    Raises ForbiddenMove where the table has no such move, MovedMeanwhile where somebody was faster.
    """
    previous, now = order.status, timezone.now()
    check(order.order_id, previous, to)
    changes = {"status": to, "changed_at": now} | ({"paid_at": paid_at} if paid_at else {})
    if not Order.objects.filter(pk=order.pk, status=previous).update(**changes):
        order.refresh_from_db(fields=["status"])
        raise MovedMeanwhile(order.order_id, order.status, to)
    order.status, order.changed_at, order.paid_at = to, now, paid_at or order.paid_at
    note(order, previous, actor=actor, why=why, event_id=event_id, at=now)
    return previous


def step(
    order: Order,
    to: Status,
    *,
    actor: str,
    why: str = "",
    paid_at: datetime | None = None,
    kind: str = "",
    cause: str = "",
    amount: Decimal | None = None,
    lines: Sequence[OrderLine] | None = None,
) -> None:
    """Move an order, and tell the orders topic of it.

    kind: the event's type, by the new status where empty. cause: what makes it happen more than once
    (a payment's key). amount, lines: of a part; the whole order's where None. Raises as move().
    """
    type_ = kind or EVENT_TYPES[to]
    event_id = event_name(type_, cause or order.order_id)
    previous = move(order, to, actor=actor, why=why, event_id=event_id, paid_at=paid_at)
    told = _told(order, previous, type_, event_id, order_lines(order) if lines is None else lines, amount)
    publish("orders", key=order.order_id, event=told)


_move_many = PreparedUpdate(
    lambda: Order.objects.filter(pk__any_of=Slot("names"), status=Slot("previous")),
    status=Slot("to"),
    changed_at=Slot("now"),
    paid_at=Coalesce(Slot("paid_at"), "paid_at"),
)
_lines = Prepared(
    lambda: (
        Line.objects.filter(order_id__any_of=Slot("names"))
        .order_by("pk")
        .values_list("order_id", "product_id", "quantity", "price")
    )
)


def step_many(
    orders: Sequence[Order], to: Status, *, actor: str, why: str, paid_at: datetime | None = None
) -> None:
    """Move orders that stand at one status, all or none, and tell of each: step() without a query an order.

    Raises ForbiddenMove, MovedMeanwhile where one is elsewhere already.
    """
    previous, now, kind = orders[0].status, timezone.now(), EVENT_TYPES[to]
    check(orders[0].order_id, previous, to)
    names = [order.order_id for order in orders]
    if _move_many(names=names, previous=previous, to=to.value, now=now, paid_at=paid_at) != len(names):
        raise MovedMeanwhile(names[0], previous, to)
    lines: dict[str, list[OrderLine]] = {name: [] for name in names}
    for name, product_id, quantity, price in _lines(names=names):
        lines[name].append(OrderLine(product_id=product_id, quantity=quantity, price=price))
    for order in orders:
        order.status, order.changed_at, order.paid_at = to, now, paid_at or order.paid_at
    news.tell(names)
    bulk.insert(
        Transition,
        ("order_id", "at", "from_status", "to_status", "why", "actor", "event_id"),
        [(name, now, previous, to.value, why[:300], actor[:150], event_name(kind, name)) for name in names],
    )
    publish_many(
        "orders",
        [
            (
                order.order_id,
                _told(order, previous, kind, event_name(kind, order.order_id), lines[order.order_id]),
            )
            for order in orders
        ],
    )


def _told(
    order: Order,
    previous: str,
    type_: str,
    event_id: str,
    lines: Sequence[OrderLine],
    amount: Decimal | None = None,
) -> OrderChanged:
    return OrderChanged(
        order_id=order.order_id,
        user_id=order.user_id,
        timestamp=order.changed_at,
        type=type_,  # type: ignore[arg-type]  # EVENT_TYPES has the names of the schema: a test
        event_id=event_id,
        amount=order.amount if amount is None else amount,
        currency=order.currency,
        lines=list(lines),
        previous=previous,
        status=order.status,
        session_id=order.session_id or None,
        country=order.country or None,
        device=order.device or None,
        source=order.sent_by or None,
    )


def order_lines(order: Order) -> list[OrderLine]:
    """The lines of an order as events tell them."""
    return [
        OrderLine(product_id=line.product_id, quantity=line.quantity, price=line.price)
        for line in order.lines.order_by("pk")
    ]
