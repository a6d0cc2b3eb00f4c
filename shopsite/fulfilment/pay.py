"""Charge orders. tasks -> charge -> the gateway, outside every transaction -> the result as a move.

A payment's row is its lease: whoever moves next_try_at on has the right to ask. That it was asked is
written before the question, so after a crash or a time-out the gateway is asked for the state first.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils import timezone

from inventory.services import OutOfStock, extend, release, reserve, settle
from orders import mails, payments
from orders.models import Order, Payment, Refund
from orders.payments.gateway import Answer, InvalidCard, NoAnswer
from orders.selectors import units
from orders.services import get, move, step
from orders.states import ForbiddenMove, Status
from shopsite.fulfilment.place import InvalidCart, keep_until
from shopsite.fulfilment.wake import wake

logger = logging.getLogger(__name__)
LEASE = timedelta(seconds=60)  # longer than a gateway may take
MAX_PAUSE = timedelta(minutes=10)
ACTOR = "payments"


def charge(order_id: str) -> None:
    """Charge what is due for an order, if anything is; safe to call any number of times."""
    payment = _lease(order_id)
    if payment is None:
        return
    try:
        answer = _ask(payment)
    except NoAnswer as error:
        _later(payment, str(error))
        return
    _apply(payment, answer)


def due_charges(limit: int) -> list[str]:
    """Orders whose charge is due, oldest first."""
    due = Payment.objects.filter(state=Payment.State.DUE, next_try_at__lte=timezone.now())
    return list(due.order_by("next_try_at").values_list("order_id", flat=True)[:limit])


def charge_due(limit: int = 100) -> int:
    """Charge what is overdue: lost tasks, and what the gateway did not answer; how many were tried."""
    overdue = due_charges(limit)
    for order_id in overdue:
        charge(order_id)
    return len(overdue)


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
    if order.payments.filter(state=Payment.State.DUE).exists():
        raise BeingPaid(order)
    move(
        order, Status.PLACED, actor=actor or f"visitor {order.user_id}", why=f"paying with card {kept.last4}"
    )
    now = timezone.now()
    Payment.objects.create(
        order=order,
        key=f"{order_id}/{order.payments.count() + 1}",
        token=kept.token,
        last4=kept.last4,
        currency=order.currency,
        amount=order.amount,
        state=Payment.State.DUE,
        next_try_at=now,
        created_at=now,
    )
    wake("charge", order_id)
    reserve(order_id=order_id, quantities=units(order_id), until=keep_until())
    return order


class BeingPaid(ForbiddenMove):
    """The gateway is being asked at this moment: try again when it has answered."""

    def __init__(self, order: Order) -> None:
        Exception.__init__(
            self, f"Order {order.order_id} is being charged at this moment: try again in a minute."
        )
        self.order_id, self.current, self.wanted = order.order_id, order.status, ""


def drop_charges(order: Order) -> None:
    """Void what is not charged yet. Raises BeingPaid where the gateway was asked and did not answer."""
    unasked = order.payments.filter(
        state__in=(Payment.State.WAITING, Payment.State.DUE), asked_at__isnull=True
    )
    unasked.update(state=Payment.State.VOID, settled_at=timezone.now(), next_try_at=None)
    if order.payments.filter(state=Payment.State.DUE).exists():
        raise BeingPaid(order)


@transaction.atomic  # one commit, not two: on SQLite each waits for the disk
def _lease(order_id: str) -> Payment | None:
    """The payment to ask the gateway for, as it was before; None where there is nothing to do now."""
    now = timezone.now()
    due = Payment.objects.filter(order_id=order_id, state=Payment.State.DUE, next_try_at__lte=now)
    payment = due.order_by("pk").first()
    if payment is None:
        return None
    won = Payment.objects.filter(
        pk=payment.pk, state=Payment.State.DUE, next_try_at=payment.next_try_at
    ).update(next_try_at=now + LEASE, tries=F("tries") + 1, asked_at=Coalesce("asked_at", now))
    if not won:
        return None  # somebody else asks
    extend(order_id=order_id, until=now + 2 * LEASE)
    return payment


def _ask(payment: Payment) -> Answer:
    gateway = payments.gateway()
    known = gateway.state(key=payment.key) if payment.asked_at else None
    return known or gateway.charge(
        key=payment.key, token=payment.token, amount=payment.amount, currency=payment.currency
    )


def _later(payment: Payment, why: str) -> None:
    """Ask again after a pause that grows with each try."""
    pause = min(timedelta(seconds=2 ** min(payment.tries + 1, 12)), MAX_PAUSE)
    Payment.objects.filter(pk=payment.pk, state=Payment.State.DUE).update(
        next_try_at=timezone.now() + pause, reason=why[:200]
    )
    extend(order_id=payment.order_id, until=timezone.now() + pause + LEASE)
    logger.warning("order %s: %s The gateway is asked again in %d s.", payment.order_id, why, pause.seconds)


@transaction.atomic
def _apply(payment: Payment, answer: Answer) -> None:
    """Write what the gateway did, once."""
    state = Payment.State.CAPTURED if answer.done else Payment.State.DECLINED
    won = Payment.objects.filter(pk=payment.pk, state=Payment.State.DUE).update(
        state=state,
        reference=answer.reference,
        reason=answer.reason[:200],
        settled_at=timezone.now(),
        next_try_at=None,
    )
    if not won:
        return
    order = get(payment.order_id)
    if not answer.done:
        if order.status == Status.PLACED:
            fail(order, answer.reason, cause=payment.key)
    elif order.status == Status.PLACED:
        _paid(order, "charged")
    else:
        _paid_late(order, payment)


def _paid(order: Order, why: str) -> None:
    now = timezone.now()
    step(order, Status.PAID, actor=ACTOR, why=why, paid_at=now)
    write_mail(order, mails.CONFIRMATION)
    settle(order_id=order.order_id, actor=ACTOR, at=now)


def _paid_late(order: Order, payment: Payment) -> None:
    """The answer came after the units were given back: take them again, or give the money back."""
    if order.status == Status.PAYMENT_FAILED:
        try:
            with transaction.atomic():
                reserve(order_id=order.order_id, quantities=units(order.order_id), until=keep_until())
                _paid(order, "charged late; the products were still there")
            return
        except OutOfStock:
            logger.warning("order %s was paid too late: its products are gone", order.order_id)
    refund = Refund.objects.create(
        order=order,
        payment=payment,
        key=f"{payment.key}/late",
        amount=payment.amount,
        why=f"charged when the order was already {order.get_status_display().lower()}",
        actor=ACTOR,
        state=Refund.State.DUE,
        next_try_at=timezone.now(),
        created_at=timezone.now(),
    )
    wake("refund", refund.pk)


def fail(order: Order, reason: str, *, cause: str) -> None:
    """The order can't be paid: tell the shopper and give its units back."""
    step(order, Status.PAYMENT_FAILED, actor=ACTOR, why=reason, cause=cause)
    write_mail(order, mails.PAYMENT_FAILED, number=order.payments.count(), facts={"reason": reason})
    release(order_id=order.order_id)


def write_mail(order: Order, kind: str, *, number: int = 1, facts: dict[str, str] | None = None) -> None:
    """Write a mail with what it tells of; it is sent when that commits."""
    mail = mails.write(order, kind, number=number, facts=facts)
    if mail is not None and mail.state == mail.State.DUE:
        wake("send_mail", mail.pk)
