"""Order messages, in batches. The drain of the orders topic -> handle_orders -> rows, set-based.

Our own come back here to say that their charge is due. Those of other systems become orders: to be
charged like ours, or, where they were paid there, a record of what happened. A message for an order
that exists changes nothing. There is no query for each order: benchmarks/replay.py.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from inventory.services import (
    RETURN,
    SALE,
    Move,
    Stand,
    StockMoved,
    lock_levels,
    look,
    post,
    reserve_many,
)
from orders import letters
from orders.models import Line, Order, Transition
from orders.states import EVENT_TYPES, NEW, Status
from shopsite import bulk
from shopsite.events.inbox import Received
from shopsite.events.outbox import publish_many
from shopsite.events.schemas import OrderChanged, OrderLine, OrderPlaced, PoisonEvent
from shopsite.fulfilment.answers import write_mail
from shopsite.fulfilment.leases import Charge, kept_while_asked, make_due, write_due
from shopsite.fulfilment.place import keep_until
from shopsite.naming import event_name
from shopsite.prepared import Prepared, Slot

ACTOR = "other system"
MAX_UNITS = 1_000_000_000  # of one product in one order: more is no stock event that anyone can read
# What an order's history begins with, by what its message says of it.
STEPS: Mapping[str, tuple[Status, ...]] = {
    "paid": (Status.PAID,),
    "delivered": (Status.PAID, Status.PACKED, Status.SHIPPED, Status.DELIVERED),
    "refunded": (Status.REFUNDED,),
}
WHY = {
    Status.PLACED: "ordered in another system",
    Status.BACKORDERED: "not in stock; the product may be backordered",
    Status.REJECTED: "not in stock",
    Status.PAID: "paid in another system",
    Status.REFUNDED: "refunded in another system",
}
Message = tuple[OrderPlaced, str]  # and its place in the log


@dataclass(frozen=True, slots=True)
class Foreign:
    """A message of another system, and the way that its order takes."""

    event: OrderPlaced
    origin: str  # topic:partition:offset
    lines: Sequence[OrderLine]
    quantities: Mapping[str, int]  # units by product, duplicates summed
    steps: tuple[Status, ...]

    @property
    def order_id(self) -> str:
        """The id that the other system gave it."""
        return self.event.order_id

    @property
    def elsewhere(self) -> bool:
        """Whether the money went to somebody else."""
        return self.event.status in STEPS

    @property
    def currency(self) -> str:
        """Of the message, else the shop's own."""
        return self.event.currency or settings.SHOP_CURRENCY


_known = Prepared(lambda: Order.objects.filter(pk__any_of=Slot("order_ids")).values_list("pk"))


def handle_orders(batch: Sequence[Received]) -> None:
    """Process order messages, oldest first, in the caller's transaction: all of them or none.

    Raises PoisonEvent for one that can never be an order; the drain then tries them one by one.
    """
    told = {
        item.event.order_id: (item.event, item.origin)
        for item in reversed(batch)
        if isinstance(item.event, OrderPlaced)
    }
    known = {order_id for (order_id,) in _known(order_ids=list(told))}
    if known:
        make_due(known)  # our own orders, whose messages have come back
    fresh = [message for order_id, message in reversed(told.items()) if order_id not in known]
    if not fresh:
        return
    skus = {line.product_id for event, _ in fresh for line in event.order_lines()}
    try:
        with transaction.atomic():
            _write(fresh, look(skus))
    except StockMoved:  # a shopper was faster: decide again, and let nobody in between
        with transaction.atomic():
            _write(fresh, look(skus, lock=True))


def _write(messages: Sequence[Message], stock: Mapping[str, Stand]) -> None:
    orders, now = _decide(messages, stock), timezone.now()
    _write_orders(orders, stock, now)
    placed = [order for order in orders if order.steps == (Status.PLACED,)]
    write_due([Charge(order.order_id, order.currency, order.event.amount) for order in placed], now)
    elsewhere = [order for order in orders if order.elsewhere]
    told = [order for order in orders if EVENT_TYPES.get(order.steps[0])]
    publish_many("orders", [(order.order_id, _told(order, now)) for order in told])
    _write_mails([order for order in orders if order.steps == (Status.REJECTED,)])
    if elsewhere and len(elsewhere) < len(orders):  # both of what follows write levels
        lock_levels(sku for order in orders for sku in order.quantities)
    reserve_many(
        {order.order_id: order.quantities for order in placed},
        until=max(keep_until(), kept_while_asked(now)),
    )
    post([move for order in elsewhere for move in _moves(order)])


def _decide(messages: Sequence[Message], stock: Mapping[str, Stand]) -> list[Foreign]:
    """Which way each order takes, oldest first, by the stock that those before it leave."""
    taken: Counter[str] = Counter()
    return [_foreign(message, stock, taken) for message in messages]


def _foreign(message: Message, stock: Mapping[str, Stand], taken: Counter[str]) -> Foreign:
    event, origin = message
    lines = event.order_lines()
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.product_id] = quantities.get(line.product_id, 0) + line.quantity
    if max(quantities.values()) > MAX_UNITS:
        raise PoisonEvent(f"more than {MAX_UNITS:,} of one product in one order")
    steps = STEPS.get(event.status or "")
    if steps is None:
        steps = (_fits(quantities, stock, taken),)
    return Foreign(event, origin, lines, quantities, steps)


def _fits(quantities: Mapping[str, int], stock: Mapping[str, Stand], taken: Counter[str]) -> Status:
    """Placed where it can be reserved, and then counted as taken; else backordered or rejected."""
    short = [
        stock[sku]
        for sku, count in quantities.items()
        if stock[sku].tracked and stock[sku].on_hand - stock[sku].reserved - taken[sku] < count
    ]
    if not short:
        taken.update(quantities)
        return Status.PLACED
    return Status.BACKORDERED if all(product.backorders for product in short) else Status.REJECTED


def _write_orders(orders: Sequence[Foreign], stock: Mapping[str, Stand], now: datetime) -> None:
    bulk.insert(
        Order,
        (
            "order_id", "user_id", "session_id", "status", "source", "elsewhere", "currency", "amount",
            "refunded", "placed_at", "paid_at", "changed_at", "email", "country",
            "device", "sent_by",
        ),
        [_order_row(order, now) for order in orders],
    )  # fmt: skip
    bulk.insert(
        Line,
        ("order_id", "product_id", "title", "quantity", "price"),
        [
            (order.order_id, line.product_id, stock[line.product_id].title, line.quantity, line.price)
            for order in orders
            for line in order.lines
        ],
    )
    bulk.insert(
        Transition,
        ("order_id", "at", "from_status", "to_status", "why", "actor", "event_id", "origin"),
        [row for order in orders for row in _history(order, now)],
    )


def _order_row(order: Foreign, now: datetime) -> tuple[object, ...]:
    event, status = order.event, order.steps[-1]
    return (
        event.order_id,
        event.user_id,
        event.session_id or "",
        status.value,
        Order.Source.KAFKA.value,
        order.elsewhere,
        order.currency,
        event.amount,
        event.amount if status == Status.REFUNDED else 0,
        event.timestamp,
        event.timestamp if order.steps[0] == Status.PAID else None,
        event.timestamp if order.elsewhere else now,
        event.email or "",
        event.country or "",
        event.device or "",
        event.source or "",
    )


def _history(order: Foreign, now: datetime) -> Iterable[tuple[object, ...]]:
    at = order.event.timestamp if order.elsewhere else now
    before = NEW
    for step in order.steps:
        why = WHY.get(step, WHY[Status.PAID])
        yield order.order_id, at, before, step.value, why, ACTOR, order.event.event_id, order.origin
        before = step.value


def _write_mails(orders: Sequence[Foreign]) -> None:
    if orders:
        for order in Order.objects.filter(pk__any_of=[order.order_id for order in orders]):
            write_mail(order, letters.REJECTED)


def _told(order: Foreign, now: datetime) -> OrderChanged:
    """The one event that tells of a new order: paid, refunded, rejected or backordered."""
    event, status = order.event, order.steps[0]
    kind = EVENT_TYPES[status]
    return OrderChanged(
        order_id=event.order_id,
        user_id=event.user_id,
        timestamp=event.timestamp if order.elsewhere else now,
        type=kind,  # type: ignore[arg-type]  # EVENT_TYPES has the names of the schema: a test
        event_id=event_name(kind, event.order_id),
        amount=event.amount,
        currency=order.currency,
        lines=list(order.lines),
        previous=NEW,
        status=order.steps[-1].value,
        session_id=event.session_id,
        country=event.country,
        device=event.device,
        source=event.source,
    )


def _moves(order: Foreign) -> Iterable[Move]:
    """The ledger rows of an order that was paid or refunded elsewhere, at its recorded time."""
    reason, sign = (RETURN, 1) if order.steps[0] == Status.REFUNDED else (SALE, -1)
    event = order.event
    return [
        Move(
            event_name(reason, event.order_id, sku),
            sku,
            sign * count,
            reason,
            ACTOR,
            event.timestamp,
            event.order_id,
        )
        for sku, count in order.quantities.items()
    ]
