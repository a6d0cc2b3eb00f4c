"""What staff and shoppers do with an order after it was placed. Admin, storefront -> here -> moves."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from inventory.selectors import expired_orders
from inventory.services import extend, release
from orders import letters
from orders.models import Order, Payment
from orders.services import UnknownOrder, get, step
from orders.states import TABLE, UNPAID, ForbiddenMove, Status, ways_for_people
from shopsite.fulfilment.answers import fail, write_mail
from shopsite.fulfilment.pay import BeingPaid, drop_charges
from shopsite.fulfilment.refund import refund_order

logger = logging.getLogger(__name__)
EXPIRY = "expiry"
MAX_WAIT = timedelta(hours=24)  # an accepted order waits that long for Kafka, a worker or the bank
LONGER = timedelta(minutes=5)


class BeingRefunded(ForbiddenMove):
    """Its money is on the way back: until the gateway has answered, nothing of the order goes out."""

    def __init__(self, order_id: str, wanted: str) -> None:
        why = f"Order {order_id} is being refunded. Try again when the refund has ended."
        super().__init__(order_id, Status.REFUND_PENDING, wanted, why)


@transaction.atomic
def pack_order(*, order_id: str, actor: str, why: str = "") -> Order:
    """The goods are in a box. Raises ForbiddenMove, UnknownOrder."""
    return _step(order_id, Status.PACKED, actor, why)


@transaction.atomic
def ship_order(*, order_id: str, actor: str, why: str = "", carrier: str = "", tracking: str = "") -> Order:
    """The box has left, with whom and under which number, where that is known. As pack_order otherwise."""
    order = _step(order_id, Status.SHIPPED, actor, why)
    if carrier or tracking:
        order.carrier, order.tracking = carrier, tracking
        order.save(update_fields=["carrier", "tracking"])
    write_mail(order, letters.SHIPPED)
    return order


@transaction.atomic
def deliver_order(*, order_id: str, actor: str, why: str = "") -> Order:
    """The box has arrived. Raises ForbiddenMove, UnknownOrder."""
    return _step(order_id, Status.DELIVERED, actor, why)


@transaction.atomic
def cancel_order(*, order_id: str, actor: str, why: str = "") -> Order:
    """Call an order off: units and money go back. A paid one is refunded, until it is packed.

    Raises ForbiddenMove (BeingPaid while the gateway is asked), UnknownOrder.
    """
    order = get(order_id)
    if order.status == Status.PAID:
        return refund_order(order_id=order_id, actor=actor, why=f"cancelled: {why}" if why else "cancelled")
    if order.status in UNPAID:
        drop_charges(order)
    step(order, Status.CANCELLED, actor=actor, why=why)
    write_mail(order, letters.CANCELLED)
    release(order_id=order_id)
    return order


def _step(order_id: str, to: Status, actor: str, why: str) -> Order:
    order = get(order_id)
    if to in TABLE[order.status] - ways_for_people(order.status):
        raise BeingRefunded(order_id, to)
    step(order, to, actor=actor, why=why)
    return order


def expire_reservations(limit: int = 200) -> int:
    """End or extend what was reserved too long; returns how many orders ended. For the sweep."""
    return sum(_expire(order_id) for order_id in expired_orders(timezone.now(), limit))


@transaction.atomic
def _expire(order_id: str) -> bool:
    """One order whose reservation is over. It waits longer while its charge is on its way."""
    now = timezone.now()
    try:
        order = get(order_id)
    except UnknownOrder:
        logger.error("reservation of order %s, which does not exist: given back", order_id)
        release(order_id=order_id)
        return False
    pending = order.payments.filter(state__in=(Payment.State.WAITING, Payment.State.DUE)).exists()
    if order.status == Status.PLACED and pending and now - _since(order) < MAX_WAIT:
        extend(order_id=order_id, until=now + LONGER)
        return False
    try:
        _end(order)
    except ForbiddenMove as error:
        logger.info("order %s goes on instead of expiring: %s", order_id, error)
        return False
    return True


def _since(order: Order) -> datetime:
    """Since when we have it: an order of another system may have been placed long before."""
    first = order.payments.order_by("-pk").values_list("created_at", flat=True).first()
    return first or order.changed_at


def _end(order: Order) -> None:
    why = "not paid in time; its products were given back"
    try:
        with transaction.atomic():
            was_asked = order.payments.filter(state=Payment.State.ACTION).exists()
            drop_charges(order)
            if was_asked and order.status == Status.PLACED:
                fail(order, "The payment was not confirmed in time.")
                return
            step(order, Status.CANCELLED, actor=EXPIRY, why=why)
            write_mail(order, letters.CANCELLED)
            release(order_id=order.order_id)
    except BeingPaid:
        # Whether the bank took money is not known, so nothing is promised: a late answer is still applied.
        fail(order, "Your bank has not answered for a day.")
