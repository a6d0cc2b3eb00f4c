"""Write what the gateway answered, once. charging.py -> here -> moves, ledger, mails, events.

What is captured for an order that waits for it is the rule, and written many orders at a time. All else
is written payment by payment.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.utils import timezone

from inventory.services import OutOfStock, extend, release, reserve_again, settle_many
from orders import letters, mails, news
from orders.models import Order, Payment, PaymentCall, Refund
from orders.payments.gateway import Outcome, Standing
from orders.selectors import units
from orders.services import MovedMeanwhile, get, move, step, step_many
from orders.states import Status
from shopsite import bulk
from shopsite.fulfilment.asking import Question
from shopsite.fulfilment.place import keep_until
from shopsite.fulfilment.wake import wake

logger = logging.getLogger(__name__)
ACTOR = "payments"
MAX_PAUSE = timedelta(minutes=10)
LOOK_AGAIN = timedelta(seconds=60)  # at what a webhook should tell us, in case that it is lost
SPARE = timedelta(seconds=60)  # for which a reservation outlives the pause of its payment
CALL = ("payment_id", "kind", "stored_at")  # names a call's row
State = Payment.State


class Contested(Exception):
    """One of many had been written by somebody else: write them one by one."""


def write_answers(questions: Sequence[Question]) -> None:
    """Write what was answered, each once; what can't be written is asked for again when its lease is over."""
    easy = [question for question in questions if _is_easy(question)]
    try:
        if easy:
            _write_paid(easy)
    except (Contested, MovedMeanwhile, DatabaseError) as error:
        logger.warning("%d payments are written one by one: %s", len(easy), error)
        easy = []
    for question in questions:
        if question not in easy:
            _write_alone(question)


def _is_easy(question: Question) -> bool:
    standing = question.standing
    return question.wanted and standing is not None and standing.outcome == Outcome.CAPTURED


@transaction.atomic
def _write_paid(questions: Sequence[Question]) -> None:
    """Orders that are paid, in one transaction. Raises Contested, MovedMeanwhile: then nothing is written."""
    now = timezone.now()
    won = bulk.amend(
        Payment,
        ("state", "reference", "reason", "settled_at", "next_try_at"),
        [
            (question.payment.pk, State.CAPTURED.value, question.standing.reference, "", now, None)
            for question in questions
            if question.standing
        ],
        where={"state": State.DUE.value},
    )
    if won != len(questions):
        raise Contested(f"{won} of {len(questions)} were still due")
    _note_calls(questions)
    paid([question.payment.order for question in questions], "charged")


def _write_alone(question: Question) -> None:
    try:
        with transaction.atomic():
            _note_calls([question])
            if question.silence:
                _later(question.payment, question.silence)
            else:
                _settle(question.payment, question.standing, wanted=question.wanted)
    except DatabaseError:
        logger.exception("payment %s could not be written; it is asked for again", question.payment.key)


def _note_calls(questions: Sequence[Question]) -> None:
    """Complete the rows of the calls that were made, and drop those that were not needed."""
    calls = [call for question in questions for call in question.calls.values()]
    bulk.amend(
        PaymentCall,
        ("asked_at", "answered_at", "outcome", "reference", "detail"),
        [
            (
                call.payment_id, call.kind, call.stored_at,
                call.asked_at, call.answered_at, call.outcome, call.reference, call.detail,
            )
            for call in calls
            if call.asked_at
        ],
        by=CALL,
    )  # fmt: skip
    if unmade := [call for call in calls if not call.asked_at]:
        stored = {name: {getattr(call, name) for call in unmade} for name in CALL}
        PaymentCall.objects.filter(asked_at=None, **{f"{name}__in": stored[name] for name in CALL}).delete()


def _later(payment: Payment, why: str) -> None:
    """Ask again after a pause that grows with each try."""
    pause = min(timedelta(seconds=2 ** min(payment.tries + 1, 12)), MAX_PAUSE)
    _again(payment, pause, why)
    logger.warning("order %s: %s The gateway is asked again in %d s.", payment.order_id, why, pause.seconds)


def _again(payment: Payment, pause: timedelta, why: str) -> None:
    now = timezone.now()
    is_open = Payment.objects.filter(pk=payment.pk, state__in=(State.DUE, State.DROPPING))
    is_open.update(reason=why[:200])
    _rest(payment, now + pause)
    extend(order_id=payment.order_id, until=now + pause + SPARE)


def _rest(payment: Payment, until: datetime) -> None:
    """Leave a payment alone for a while, unless a webhook said meanwhile that it has news."""
    Payment.objects.filter(pk=payment.pk, next_try_at=payment.next_try_at).update(next_try_at=until)


def _settle(payment: Payment, standing: Standing | None, *, wanted: bool) -> None:
    """Write where one payment stands."""
    outcome = standing.outcome if standing else None
    if outcome == Outcome.PENDING:
        _again(payment, LOOK_AGAIN, "The bank has not decided yet.")
    elif standing and outcome == Outcome.ACTION:
        _await_confirmation(payment, standing)
    elif outcome == Outcome.AUTHORISED and not wanted:
        _authorised_late(payment)
    elif standing and outcome == Outcome.CAPTURED:
        if _close(payment, State.CAPTURED, standing):
            _captured(payment)
    elif standing and outcome == Outcome.DECLINED:
        if _close(payment, State.DECLINED, standing):
            _failed(payment, standing.reason)
    elif outcome in (Outcome.VOIDED, None):
        if _close(payment, State.VOID, standing):
            _failed(payment, "The payment was called off.")
    else:
        _later(payment, "The payment is authorised and was not captured.")


def _close(payment: Payment, state: Payment.State, standing: Standing | None) -> bool:
    """Bring a payment to its end; whether nobody else had."""
    is_open = Payment.objects.filter(pk=payment.pk, state__in=(State.DUE, State.ACTION, State.DROPPING))
    return bool(
        is_open.update(
            state=state,
            reference=standing.reference if standing else payment.reference,
            reason=standing.reason[:200] if standing else payment.reason,
            settled_at=timezone.now(),
            next_try_at=None,
        )
    )


def _captured(payment: Payment) -> None:
    order = get(payment.order_id)
    if order.status == Status.PLACED:
        paid([order], "charged")
    else:
        _paid_late(order, payment)


def _failed(payment: Payment, reason: str) -> None:
    order = get(payment.order_id)
    if order.status == Status.PLACED and payment.state != State.DROPPING:
        fail(order, reason)


def _await_confirmation(payment: Payment, standing: Standing) -> None:
    """The shopper has as long to confirm as a reservation lasts, from the first time that we hear of it."""
    order = get(payment.order_id)
    if order.status != Status.PLACED:
        _drop(payment)
        return
    now = timezone.now()
    Payment.objects.filter(pk=payment.pk, state=State.DUE).update(
        state=State.ACTION,
        confirm_url=standing.confirm_url,
        reference=standing.reference,
        reason="",
    )
    _rest(payment, now + LOOK_AGAIN)
    if not payment.confirm_url:
        extend(order_id=order.order_id, until=keep_until())
        Order.objects.filter(pk=order.pk).update(changed_at=now)  # its page says something else now
        news.tell([order.pk])


def _authorised_late(payment: Payment) -> None:
    """Nobody waits for it any more: take the units again and capture, or see that it is never charged."""
    order = get(payment.order_id)
    if order.status == Status.PAYMENT_FAILED:
        try:
            with transaction.atomic():
                move(
                    order,
                    Status.PLACED,
                    actor=ACTOR,
                    why="agreed late; the products are still there",
                )
                _again(payment, timedelta(0), "")
                wake("charge_due")
                reserve_again(order_id=order.order_id, quantities=units(order.order_id), until=keep_until())
            return
        except OutOfStock:
            logger.warning("order %s was authorised too late: its products are gone", order.order_id)
    _drop(payment)


def _drop(payment: Payment) -> None:
    Payment.objects.filter(pk=payment.pk, state=State.DUE).update(
        state=State.DROPPING, next_try_at=timezone.now()
    )
    wake("charge_due")


def paid(orders: Sequence[Order], why: str) -> None:
    """Orders of one status are paid: told, confirmed by mail, their units sold. Raises MovedMeanwhile."""
    now = timezone.now()
    step_many(orders, Status.PAID, actor=ACTOR, why=why, paid_at=now)
    write_mails(orders, letters.CONFIRMATION)
    settle_many([order.order_id for order in orders], actor=ACTOR, at=now)


def _paid_late(order: Order, payment: Payment) -> None:
    """The money came after the units were given back: take them again, or give the money back."""
    if order.status == Status.PAYMENT_FAILED:
        try:
            with transaction.atomic():
                reserve_again(order_id=order.order_id, quantities=units(order.order_id), until=keep_until())
                paid([order], "charged late; the products were still there")
            return
        except OutOfStock:
            logger.warning("order %s was paid too late: its products are gone", order.order_id)
    now = timezone.now()
    Refund.objects.create(
        order=order,
        payment=payment,
        key=f"{payment.key}/late",
        amount=payment.amount,
        why=f"charged when the order was already {order.get_status_display().lower()}",
        actor=ACTOR,
        state=Refund.State.DUE,
        next_try_at=now,
        created_at=now,
    )
    wake("give_due")


def fail(order: Order, reason: str) -> None:
    """The order can't be paid: tell the shopper and give its units back."""
    number = order.history.filter(to_status=Status.PAYMENT_FAILED).count() + 1
    step(order, Status.PAYMENT_FAILED, actor=ACTOR, why=reason, cause=f"{order.order_id}/{number}")
    write_mail(order, letters.PAYMENT_FAILED, number=number, facts={"reason": reason})
    release(order_id=order.order_id)


def write_mail(order: Order, kind: str, *, number: int = 1, facts: dict[str, str] | None = None) -> None:
    """Note a mail with what it tells of; it is sent when that has committed."""
    if mails.write(order, kind, number=number, facts=facts) is not None:
        wake("send_due_mails")


def write_mails(orders: Sequence[Order], kind: str) -> None:
    """Note one kind of mail for many orders."""
    if any(mail.next_try_at for mail in mails.write_many(orders, kind)):
        wake("send_due_mails")
