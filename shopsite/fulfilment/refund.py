"""Give money back, in part or whole. cancel, admin -> refund_order -> tasks -> the gateway -> the move.

As with charges: the refund's row and key are stored first, the gateway is asked outside transactions,
and the answer comes back as a move.
"""

import logging
from datetime import timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from inventory.services import give_back
from orders import mails, payments
from orders.models import Order, Payment, Refund
from orders.money import money_text
from orders.payments.gateway import Answer, NoAnswer
from orders.services import get, move, step
from orders.states import EVENT_TYPES, REFUNDABLE, Status, check
from shopsite.fulfilment.pay import LEASE, MAX_PAUSE, write_mail
from shopsite.fulfilment.wake import wake

logger = logging.getLogger(__name__)
IN_HOUSE = (Status.PAID, Status.PACKED)  # the goods never left: a whole refund puts them back


class InvalidRefund(Exception):
    """This cannot be refunded here: show the message, change nothing."""


@transaction.atomic
def refund_order(*, order_id: str, actor: str, amount: Decimal | None = None, why: str = "") -> Order:
    """Give back an amount, or all that is left, to the card that paid.

    The order is refund_pending until the gateway answered; after a part it returns to where it was.
    Raises ForbiddenMove, InvalidRefund, UnknownOrder.
    """
    order = get(order_id)
    check(order_id, order.status, Status.REFUND_PENDING)
    payment = order.payments.filter(state=Payment.State.CAPTURED).first()
    if payment is None:
        raise InvalidRefund(f"Order {order_id} was paid elsewhere: refund it where it was paid.")
    part = _part(order, amount)
    previous = move(order, Status.REFUND_PENDING, actor=actor, why=why)
    now = timezone.now()
    refund = Refund.objects.create(
        order=order,
        payment=payment,
        key=f"{order_id}/refund-{order.refunds.count() + 1}",
        amount=part,
        back_to=previous,
        why=why[:300],
        actor=actor[:150],
        state=Refund.State.DUE,
        next_try_at=now,
        created_at=now,
    )
    wake("refund", refund.pk)
    return order


def _part(order: Order, amount: Decimal | None) -> Decimal:
    left = order.amount - order.refunded
    part = left if amount is None else amount
    if part > left or part < 0 or (part == 0 and left > 0):
        raise InvalidRefund(
            f"Order {order.order_id}: {money_text(left, order.currency)} can be refunded, not {part}."
        )
    return part


def due_refunds(limit: int) -> list[int]:
    """Refunds that wait for the gateway, oldest first."""
    due = Refund.objects.filter(state=Refund.State.DUE, next_try_at__lte=timezone.now())
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:limit])


def give_due(limit: int = 100) -> int:
    """Give what is overdue: lost tasks, and what the gateway did not answer; how many were tried."""
    overdue = due_refunds(limit)
    for refund_id in overdue:
        give_refund(refund_id)
    return len(overdue)


def give_refund(refund_id: int) -> None:
    """Ask the gateway for one refund that is due; safe to call any number of times."""
    now = timezone.now()
    due = Refund.objects.filter(pk=refund_id, state=Refund.State.DUE, next_try_at__lte=now)
    if not due.update(next_try_at=now + LEASE, tries=F("tries") + 1):
        return
    refund = Refund.objects.select_related("payment").get(pk=refund_id)
    key = refund.payment.key if refund.payment else refund.order_id
    try:
        answer = payments.gateway().refund(key=key, refund_key=refund.key, amount=refund.amount)
    except NoAnswer as error:
        pause = min(timedelta(seconds=2 ** min(refund.tries, 12)), MAX_PAUSE)
        Refund.objects.filter(pk=refund_id).update(
            next_try_at=timezone.now() + pause, reason=str(error)[:200]
        )
        return
    _apply(refund, answer)


@transaction.atomic
def _apply(refund: Refund, answer: Answer) -> None:
    state = Refund.State.DONE if answer.done else Refund.State.REFUSED
    won = Refund.objects.filter(pk=refund.pk, state=Refund.State.DUE).update(
        state=state, reason=answer.reason[:200], settled_at=timezone.now(), next_try_at=None
    )
    if not won:
        return
    if not answer.done:
        _refused(refund, answer.reason)
        return
    Order.objects.filter(pk=refund.order_id).update(refunded=F("refunded") + refund.amount)
    order = get(refund.order_id)
    write_mail(
        order,
        mails.REFUNDED,
        number=order.refunds.filter(pk__lte=refund.pk).count(),
        facts={"amount": money_text(refund.amount, order.currency)},
    )
    if order.status == Status.REFUND_PENDING:
        _given(order, refund)


def _given(order: Order, refund: Refund) -> None:
    """Tell of a refund; a whole one of goods that never left puts them back on the shelf."""
    whole = order.refunded >= order.amount
    to = Status.REFUNDED if whole else Status(refund.back_to)
    what = f"{money_text(refund.amount, order.currency)} given back. {refund.why}".strip()
    alone = whole and refund.amount == order.amount  # otherwise no line belongs to this amount
    step(
        order,
        to,
        actor=refund.actor,
        why=what,
        kind=EVENT_TYPES[Status.REFUNDED],  # also of a part, after which the order goes on
        cause=refund.key,
        amount=refund.amount,
        lines=None if alone else [],
    )
    if whole and refund.back_to in IN_HOUSE:
        give_back(order_id=order.order_id, actor=refund.actor, at=timezone.now())


def _refused(refund: Refund, reason: str) -> None:
    logger.error("the gateway refused to refund order %s: %s", refund.order_id, reason)
    order = get(refund.order_id)
    if order.status == Status.REFUND_PENDING and refund.back_to in REFUNDABLE:
        move(order, Status(refund.back_to), actor="payments", why=f"refund refused: {reason}")
