"""Fill orders that waited for stock, oldest first. tasks -> here -> reservation and charge."""

from django.db import transaction
from django.utils import timezone

from inventory.services import OutOfStock, reserve
from orders import letters
from orders.models import Order, Payment
from orders.payments.cards import ELSEWHERE_TOKEN
from orders.selectors import units
from orders.services import move
from orders.states import Status
from shopsite.fulfilment.answers import write_mail
from shopsite.fulfilment.place import keep_until
from shopsite.fulfilment.wake import wake

ACTOR = "backorders"


def fill_backorders(limit: int = 100) -> int:
    """Reserve and charge what can be had now; returns how many orders. A younger order never overtakes."""
    filled, short = 0, set[str]()
    for order in Order.objects.filter(status=Status.BACKORDERED).order_by("changed_at", "pk")[:limit]:
        quantities = units(order.order_id)
        if short & quantities.keys():
            continue
        try:
            _fill(order, quantities)
            filled += 1
        except OutOfStock as error:
            short |= {shortfall.product_id for shortfall in error.shortfalls}
    return filled


@transaction.atomic
def _fill(order: Order, quantities: dict[str, int]) -> None:
    move(order, Status.PLACED, actor=ACTOR, why="back in stock")
    now = timezone.now()
    Payment.objects.create(
        order=order,
        key=order.order_id,
        token=ELSEWHERE_TOKEN,
        currency=order.currency,
        amount=order.amount,
        state=Payment.State.DUE,
        next_try_at=now,
        created_at=now,
    )
    wake("charge_due")
    write_mail(order, letters.BACKORDER_FILLED)
    reserve(order_id=order.order_id, quantities=quantities, until=keep_until())
