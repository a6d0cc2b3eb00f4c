"""What customers are written, in words. sending.py, previews, order pages -> here -> templates.

Nothing is put in words before it goes out: that would cost CPU in the transaction that moves the order.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string

from orders.addresses import address_of
from orders.models import Line, Mail, Order
from orders.money import money_text

CONFIRMATION, PAYMENT_FAILED, SHIPPED = "confirmation", "payment_failed", "shipped"
REFUNDED, CANCELLED, REJECTED = "refunded", "cancelled", "rejected"
BACKORDER_FILLED = "backorder_filled"
SUBJECTS: Mapping[str, str] = {
    CONFIRMATION: "Your order {order} is confirmed",
    PAYMENT_FAILED: "Order {order}: the payment did not go through",
    SHIPPED: "Your order {order} is on its way",
    REFUNDED: "Order {order}: we have given your money back",
    CANCELLED: "Your order {order} is cancelled",
    REJECTED: "We cannot deliver your order {order}",
    BACKORDER_FILLED: "Order {order}: what you ordered is back in stock",
}


@dataclass(frozen=True)
class Letter:
    """A mail as the customer reads it."""

    subject: str
    text: str
    html: str


def subject_of(order_id: str, kind: str) -> str:
    """The subject of a kind of mail: known from the start, so that lists can name a mail by it."""
    return " ".join(SUBJECTS[kind].format(order=order_id).split())[:200]  # a header has one line


def letter_of(mail: Mail) -> Letter:
    """What was sent, to the letter; where nothing has been sent yet, what would be now."""
    if mail.text:
        return Letter(mail.subject, mail.text, mail.html)
    return compose(mail.order, mail.kind.partition("-")[0], mail.order.lines.all(), mail.facts)


def compose(order: Order, kind: str, lines: Iterable[Line], facts: Mapping[str, str]) -> Letter:
    """Put a mail in words. facts: what only this kind tells, as it was when it was written."""
    subject = subject_of(order.order_id, kind)
    context = _context(order, subject, lines) | {"facts": facts}
    return Letter(
        subject=subject,
        text=render_to_string(f"orders/mail/{kind}.txt", context),
        html=render_to_string(f"orders/mail/{kind}.html", context),
    )


def _context(order: Order, subject: str, lines: Iterable[Line]) -> dict[str, object]:
    return {
        "order": order,
        "subject": subject,
        "shop": settings.SHOP_NAME,
        "link": f"{settings.SHOP_ORIGIN}/orders/{order.order_id}/",
        "to": ", ".join(address_of(order)),
        "total": money_text(order.amount, order.currency),
        "shipping": money_text(order.shipping, order.currency) if order.shipping else "",
        "rows": [
            (line.quantity, line.title, _line_total(line, order.currency))
            for line in sorted(lines, key=lambda line: line.pk)
        ],
    }


def _line_total(line: Line, currency: str) -> str:
    return "" if line.price is None else money_text(line.price * line.quantity, currency)
