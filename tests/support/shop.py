"""A small shop for tests: products with stock, a buyer, a cart. Real models, real services."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from inventory.models import Level, Movement, Reservation
from inventory.services import adjust
from orders.models import Order
from shopsite.catalogue.models import Product
from shopsite.events.models import OutboxEvent
from shopsite.events.schemas import OrderChanged, StockChanged
from shopsite.fulfilment import TEST_CARDS, Buyer, CartLine, charge, handle_orders, place_order
from shopsite.naming import event_name
from tests.support.messages import from_outbox

NUMBERS = {card.outcome: card.number for card in TEST_CARDS}
APPROVED, DECLINED, INSUFFICIENT, TIMES_OUT = list(NUMBERS.values())[:4]
PRICE = Decimal("12.500000")


def product(sku: str, stock: int | None = None) -> Product:
    """A listed product; stock None leaves it untracked."""
    made = Product.objects.create(sku=sku, title=f"The {sku}", price=PRICE, currency="EUR", listed=True)
    if stock is not None:
        adjust(product_id=sku, change=stock, reason="opening", actor="test")
    return made


def buyer(email: str = "ada@example.org") -> Buyer:
    """Somebody who buys."""
    return Buyer(
        user_id="visitor-1",
        session_id="session-1",
        email=email,
        name="Ada Morgenstern",
        street="Lindenweg 12",
        city="Berlin",
        postcode="10999",
        country="DE",
    )


def cart(quantities: Mapping[str, int]) -> list[CartLine]:
    """A cart of these products."""
    return [
        CartLine(product_id=sku, title=f"The {sku}", quantity=count, price=PRICE)
        for sku, count in quantities.items()
    ]


def level(sku: str) -> tuple[int, int]:
    """(on_hand, reserved) of a product."""
    found = Level.objects.get(pk=sku)
    return found.on_hand, found.reserved


def stock_is_sound() -> bool:
    """Whether every level is the sum of its ledger, and what is reserved the open reservations."""
    for found in Level.objects.all():
        moves = sum(Movement.objects.filter(product_id=found.pk).values_list("change", flat=True))
        is_open = Reservation.objects.filter(product_id=found.pk, state="open")
        held = sum(is_open.values_list("quantity", flat=True))
        if (found.on_hand, found.reserved) != (moves, held):
            return False
    return True


def place(quantities: Mapping[str, int], *, card: str = APPROVED, email: str = "ada@example.org") -> Order:
    """An order that the shop accepted, its event still on its way."""
    return place_order(lines=cart(quantities), buyer=buyer(email), card=card)


def read_back(order: Order) -> None:
    """The order's event has been through Kafka: its charge is due."""
    row = OutboxEvent.objects.get(topic="orders", event_id=event_name("order_placed", order.order_id))
    handle_orders([from_outbox(row)])


@pytest.fixture
def order() -> Order:
    """Two mugs and three plates at 12.50 each, paid."""
    product("MUG", 5)
    product("PLATE", 5)
    return paid({"MUG": 2, "PLATE": 3})


def paid(quantities: Mapping[str, int], *, email: str = "ada@example.org") -> Order:
    """An order that is paid."""
    order = place(quantities, email=email)
    read_back(order)
    charge(order.order_id)
    order.refresh_from_db()
    assert order.status == "paid"
    return order


def told(kind: str = "orders") -> list[OrderChanged | StockChanged]:
    """What the outbox says happened to orders, or to stock, oldest first."""
    events = [from_outbox(row).event for row in OutboxEvent.objects.filter(topic=kind).order_by("pk")]
    return [event for event in events if isinstance(event, OrderChanged | StockChanged)]


def told_types() -> list[str]:
    """The types of what happened to orders, oldest first."""
    return [event.type for event in told() if isinstance(event, OrderChanged)]
