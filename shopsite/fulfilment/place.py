"""Take an order from a shopper. Checkout -> here -> order, reservation, outbox row: one transaction.

Needs the database and nothing else, so the shop stays open without Kafka or Redis.
"""

import secrets
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from inventory.services import reserve
from orders import payments
from orders.models import Line, Order, Payment
from orders.payments.gateway import Card, InvalidCard
from orders.services import create
from orders.states import Status
from shopsite import bulk
from shopsite.events.outbox import publish
from shopsite.events.schemas import MAX_AMOUNT, OrderLine, OrderPlaced
from shopsite.naming import event_name

MAX_QUANTITY = 1_000_000  # of the event schema
ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no look-alikes: people read order numbers aloud
ID_CHARS = 12  # 59 bits: an order's address cannot be guessed


class InvalidCart(Exception):
    """The cart or the card cannot be ordered with: show the message."""


@dataclass(frozen=True)
class CartLine:
    """One product of a cart at the price that the shopper saw."""

    product_id: str
    title: str
    quantity: int
    price: Decimal  # of one unit, in the shop's currency


@dataclass(frozen=True)
class Buyer:
    """Who orders, and where it goes. user_id: the visitor of the clicks; account_id: who logged in."""

    user_id: str
    session_id: str
    email: str
    name: str
    street: str
    city: str
    postcode: str
    country: str
    account_id: int | None = None
    device: str = ""
    sent_by: str = ""  # the host that sent the visit


def place_order(
    *,
    lines: Sequence[CartLine],
    buyer: Buyer,
    card: str,
    shipping: Decimal = Decimal(0),
    order_id: str | None = None,
) -> Order:
    """Accept an order: from here on it is never lost, and its units are its own.

    card: the number; only a token of it is kept. order_id: where given, sending the form twice
    gives the same order. Raises OutOfStock, InvalidCart.
    """
    quantities = _checked(lines, shipping)
    try:
        kept = payments.gateway().tokenise(card)
    except InvalidCard as error:
        raise InvalidCart(str(error)) from error
    name = order_id or new_order_id()
    try:
        with transaction.atomic():
            return _place(name, lines, quantities, buyer, kept, shipping)
    except IntegrityError:
        if order_id and (placed := Order.objects.filter(pk=order_id, user_id=buyer.user_id).first()):
            return placed
        raise


def new_order_id() -> str:
    """A number for an order: short enough to read out, too long to guess."""
    return "".join(secrets.choice(ALPHABET) for _ in range(ID_CHARS))


def keep_until() -> datetime:
    """How long units are kept for an order that is not paid."""
    return timezone.now() + timedelta(minutes=settings.RESERVATION_MINUTES)


def _checked(lines: Sequence[CartLine], shipping: Decimal) -> Counter[str]:
    """Units by product. Raises InvalidCart."""
    if not lines:
        raise InvalidCart("The cart is empty.")
    quantities: Counter[str] = Counter()
    for line in lines:
        if line.quantity < 1 or line.price < 0:
            raise InvalidCart(f"{line.title}: need at least one, at a price of 0 or more.")
        quantities[line.product_id] += line.quantity
    if max(quantities.values()) > MAX_QUANTITY or _total(lines, shipping) >= MAX_AMOUNT:
        raise InvalidCart("The cart is larger than one order can be.")
    return quantities


def _total(lines: Sequence[CartLine], shipping: Decimal) -> Decimal:
    return sum((line.price * line.quantity for line in lines), shipping)


def _place(
    order_id: str,
    lines: Sequence[CartLine],
    quantities: Counter[str],
    buyer: Buyer,
    card: Card,
    shipping: Decimal,
) -> Order:
    order = _order(order_id, buyer, _total(lines, shipping), shipping)
    event_id = event_name("order_placed", order_id)
    create(
        order,
        [
            Line(
                order=order,
                product_id=line.product_id,
                title=line.title,
                quantity=line.quantity,
                price=line.price,
            )
            for line in lines
        ],
        actor=f"visitor {buyer.user_id}",
        why="checkout",
        event_id=event_id,
    )
    payment = Payment(
        order=order,
        key=order_id,
        token=card.token,
        last4=card.last4,
        currency=order.currency,
        amount=order.amount,
        state=Payment.State.WAITING,
        created_at=order.placed_at,
    )
    bulk.insert_objects([payment])
    publish("orders", key=order_id, event=_event(order, lines, event_id))
    reserve(order_id=order_id, quantities=quantities, until=keep_until())
    return order


def _order(order_id: str, buyer: Buyer, amount: Decimal, shipping: Decimal) -> Order:
    now = timezone.now()
    return Order(
        order_id=order_id,
        user_id=buyer.user_id,
        account_id=buyer.account_id,
        session_id=buyer.session_id,
        device=buyer.device,
        sent_by=buyer.sent_by,
        status=Status.PLACED,
        source=Order.Source.SHOP,
        currency=settings.SHOP_CURRENCY,
        amount=amount,
        shipping=shipping,
        placed_at=now,
        changed_at=now,
        email=buyer.email,
        name=buyer.name,
        street=buyer.street,
        city=buyer.city,
        postcode=buyer.postcode,
        country=buyer.country,
    )


def _event(order: Order, lines: Sequence[CartLine], event_id: str) -> OrderPlaced:
    return OrderPlaced(
        order_id=order.order_id,
        user_id=order.user_id,
        product_ids=[line.product_id for line in lines],
        quantities=[line.quantity for line in lines],
        lines=[
            OrderLine(product_id=line.product_id, quantity=line.quantity, price=line.price) for line in lines
        ],
        amount=order.amount,
        currency=order.currency,
        timestamp=order.placed_at,
        event_id=event_id,
        session_id=order.session_id or None,
        country=order.country or None,
        device=order.device or None,
        source=order.sent_by or None,
    )
