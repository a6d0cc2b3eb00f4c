"""An order that is made up, to see by it how each kind of mail reads. The desk -> here -> letters.py."""

from collections.abc import Mapping
from decimal import Decimal

from django.conf import settings

from orders.letters import PAYMENT_FAILED, REFUNDED, Letter, compose
from orders.models import Line, Order
from orders.money import money_text

PRICES = {"Enamel mug, blue": (2, Decimal("12.50")), "Linen tea towel": (1, Decimal("9.90"))}
SHIPPING = Decimal("4.90")


def sample(kind: str) -> Letter:
    """How a kind of mail reads; nothing of it is stored."""
    products = sum((count * price for count, price in PRICES.values()), Decimal(0))
    order = Order(
        order_id="example12345",
        currency=settings.SHOP_CURRENCY,
        amount=products + SHIPPING,
        shipping=SHIPPING,
        email="ada@example.org",
        name="Ada Morgenstern",
        street="Lindenweg 12",
        postcode="10999",
        city="Berlin",
        country="DE",
        carrier="Northpost",
        tracking="https://track.example/NP123456789",
    )
    lines = [
        Line(pk=number, order=order, title=title, quantity=count, price=price)
        for number, (title, (count, price)) in enumerate(PRICES.items())
    ]
    return compose(order, kind, lines, _facts(kind, order.currency))


def _facts(kind: str, currency: str) -> Mapping[str, str]:
    title, (_, price) = next(iter(PRICES.items()))
    facts: Mapping[str, Mapping[str, str]] = {
        PAYMENT_FAILED: {"reason": "The card was declined."},
        REFUNDED: {"amount": money_text(price, currency), "what": f"1 × {title}"},
    }
    return facts.get(kind, {})
