"""A small shop for tests: products with stock, a buyer, a cart. Real models, real services."""

from collections.abc import Mapping
from decimal import Decimal

from inventory.models import Level, Movement, Reservation
from inventory.services import adjust
from shopsite.catalogue.models import Product
from shopsite.fulfilment import TEST_CARDS, Buyer, CartLine

APPROVED, DECLINED, INSUFFICIENT, TIMES_OUT = (card.number for card in TEST_CARDS)
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
