"""What is done about a payment: paid again, dropped, looked after. Storefront, steps, webhooks -> here.

A payment's row is its lease: whoever moves next_try_at on has the right to ask (leases.py). That it was
asked is written before the question, so after a crash or a time-out the gateway is asked for the state first.
"""

from django.db import transaction
from django.utils import timezone

from inventory.services import reserve_again
from orders import payments
from orders.models import Order, Payment
from orders.payments.gateway import InvalidCard
from orders.selectors import units
from orders.services import get, move
from orders.states import ForbiddenMove, Status
from shopsite.fulfilment.place import InvalidCart, keep_until
from shopsite.fulfilment.wake import wake

State = Payment.State


class BeingPaid(ForbiddenMove):
    """The gateway is being asked at this moment: try again when it has answered."""

    def __init__(self, order: Order) -> None:
        why = f"Order {order.order_id} is being charged at this moment: try again in a minute."
        super().__init__(order.order_id, order.status, "", why)


class NotFailed(ForbiddenMove):
    """Only what could not be paid is paid again."""

    def __init__(self, order: Order) -> None:
        why = (
            f"Order {order.order_id} is {order.get_status_display().lower()}: "
            "another card is taken only where a payment has failed."
        )
        super().__init__(order.order_id, order.status, Status.PLACED, why)


@transaction.atomic
def pay_again(*, order_id: str, card: str, actor: str = "") -> Order:
    """Try another card after a failed payment: the products are reserved again, and charged.

    Raises OutOfStock, InvalidCart, ForbiddenMove, UnknownOrder.
    """
    order = get(order_id)
    try:
        kept = payments.gateway().tokenise(card)
    except InvalidCard as error:
        raise InvalidCart(str(error)) from error
    if order.payments.filter(state=State.DUE).exists():
        raise BeingPaid(order)
    if order.status != Status.PAYMENT_FAILED:  # a backordered one may be placed, too, but by its stock only
        raise NotFailed(order)
    why = f"paying with card {kept.last4}" if kept.last4 else "paying again"
    move(order, Status.PLACED, actor=actor or f"visitor {order.user_id}", why=why)
    now = timezone.now()
    Payment.objects.create(
        order=order,
        key=f"{order_id}/{order.payments.count() + 1}",
        token=kept.token,
        last4=kept.last4,
        currency=order.currency,
        amount=order.amount,
        state=State.DUE,
        next_try_at=now,
        created_at=now,
    )
    wake("charge_due")
    reserve_again(order_id=order_id, quantities=units(order_id), until=keep_until())
    return order


def drop_charges(order: Order) -> None:
    """Void what is not charged yet, here or, where the shopper was to confirm it, at the gateway.

    Raises BeingPaid where the gateway was asked to charge and has not answered.
    """
    now = timezone.now()
    unasked = order.payments.filter(state__in=(State.WAITING, State.DUE), asked_at__isnull=True)
    unasked.update(state=State.VOID, settled_at=now, next_try_at=None)
    # what waits for the shopper is captured by nobody but us, so the order need not wait for the void
    if order.payments.filter(state=State.ACTION).update(state=State.DROPPING, next_try_at=now):
        wake("charge_due")
    if order.payments.filter(state=State.DUE).exists():
        raise BeingPaid(order)


def look_after(payment: Payment) -> None:
    """The gateway says that something happened to a payment: ask it what, at once.

    Where somebody asks already, one more question does no harm: answers are written once.
    """
    is_open = Payment.objects.filter(
        pk=payment.pk, state__in=(State.DUE, State.ACTION, State.DROPPING), asked_at__isnull=False
    )
    if is_open.update(next_try_at=timezone.now()):
        wake("charge_due")
