"""What is printed of an order: a packing slip and a receipt. The desk, the order's page -> here -> templates.

Every number is the order's own: nothing is added up that it does not say.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from orders.addresses import address_of
from orders.models import Line, Order, Payment
from orders.money import money_text


@dataclass(frozen=True)
class PaperLine:
    """One position on paper; amounts as text, empty where no price is known."""

    product_id: str
    title: str
    quantity: int
    price: str
    total: str


@dataclass(frozen=True)
class Slip:
    """What goes into one box, and where the box goes. No prices: it may be a present."""

    order: Order
    address: list[str]
    lines: list[PaperLine]
    units: int


@dataclass(frozen=True)
class Receipt:
    """What was paid for an order, and what was given back."""

    order: Order
    address: list[str]
    lines: list[PaperLine]
    products: str
    shipping: str  # empty: free
    total: str
    refunded: str  # empty: nothing
    kept: str  # of the total, after what was given back
    card: str


def slip(order: Order) -> Slip:
    """An order's packing slip: what was refunded is not packed."""
    rows = [(line, line.quantity - line.refunded_quantity) for line in _lines(order)]
    lines = [PaperLine(line.product_id, line.title, left, "", "") for line, left in rows if left]
    return Slip(order, address_of(order), lines, sum(line.quantity for line in lines))


def receipt(order: Order) -> Receipt:
    """An order's receipt."""

    def money(amount: object) -> str:
        return money_text(amount, order.currency) if amount else ""  # type: ignore[arg-type]  # a Decimal

    payment = order.payments.filter(state=Payment.State.CAPTURED).order_by("-pk").first()
    return Receipt(
        order=order,
        address=address_of(order),
        lines=[
            PaperLine(
                line.product_id,
                line.title,
                line.quantity,
                "" if line.price is None else money_text(line.price, order.currency),
                "" if line.price is None else money_text(line.price * line.quantity, order.currency),
            )
            for line in _lines(order)
        ],
        products=money_text(order.amount - order.shipping, order.currency),
        shipping=money(order.shipping),
        total=money_text(order.amount, order.currency),
        refunded=money(order.refunded),
        kept=money_text(order.amount - order.refunded, order.currency),
        card=payment.last4 if payment else "",
    )


def slips_page(request: HttpRequest, orders: Iterable[Order], *, untold: int = 0) -> HttpResponse:
    """Packing slips, a sheet each. untold: orders that are too many for one page."""
    context = {"slips": [slip(order) for order in orders], "untold": untold, "shop": settings.SHOP_NAME}
    return render(request, "orders/paper/slips.html", context)


def receipt_page(request: HttpRequest, order: Order) -> HttpResponse:
    """The receipt of an order that was paid."""
    return render(request, "orders/paper/receipt.html", {"paper": receipt(order), "shop": settings.SHOP_NAME})


def _lines(order: Order) -> list[Line]:
    return sorted(order.lines.all(), key=lambda line: line.pk)
