"""Give money back: an amount, lines, or all. admin -> refund_order -> tasks -> the gateway -> the move.

As with charges: the refund's row and key are stored first, the gateway is asked outside transactions,
and the answer comes back as a move. What is left to give is counted by the payment that was captured.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from inventory.services import give_back
from orders import letters, news
from orders.models import Line, Order, Payment, PaymentCall, Refund, RefundLine
from orders.money import money_text
from orders.payments.gateway import Given
from orders.services import get, move, step
from orders.states import EVENT_TYPES, REFUNDABLE, Status
from shopsite import bulk
from shopsite.events.schemas import OrderLine
from shopsite.fulfilment.answers import MAX_PAUSE, write_mail
from shopsite.fulfilment.asking import RefundQuestion, ask_refund, side_by_side
from shopsite.fulfilment.leases import LEASE
from shopsite.fulfilment.wake import wake

logger = logging.getLogger(__name__)
IN_HOUSE = (Status.PAID, Status.PACKED)  # the goods never left: they go back on the shelf
State = Refund.State


class InvalidRefund(Exception):
    """This cannot be refunded here: show the message, change nothing."""


@transaction.atomic
def refund_order(
    *,
    order_id: str,
    actor: str,
    amount: Decimal | None = None,
    lines: Mapping[int, int] | None = None,
    restock: Mapping[int, int] | None = None,
    why: str = "",
) -> Order:
    """Give money back to the card that paid; the order is refund_pending until the gateway answered.

    lines: units by the primary key of their line. amount: None for the price of the lines, or, without
    lines, for all that is left with every unit that is left. restock: which of these units go back on the
    shelf; None for all of them while the goods have not left, otherwise none.
    After a part the order returns to where it was. Raises ForbiddenMove, InvalidRefund, UnknownOrder.
    """
    order = get(order_id)
    previous = move(order, Status.REFUND_PENDING, actor=actor, why=why)  # from here on nobody else refunds it
    plan = _plan(order, previous, amount=amount, lines=lines, restock=restock)
    now = timezone.now()
    refund = Refund.objects.create(
        order=order,
        payment=plan.payment,
        key=f"{order_id}/refund-{order.refunds.count() + 1}",
        amount=plan.amount,
        back_to=previous,
        why=why[:300],
        actor=actor[:150],
        state=State.DUE,
        next_try_at=now,
        created_at=now,
    )
    RefundLine.objects.bulk_create(
        RefundLine(refund=refund, line_id=pk, quantity=count, restock=plan.back.get(pk, 0))
        for pk, count in plan.units.items()
    )
    wake("give_due")
    return order


class Plan(NamedTuple):
    """What a refund would give."""

    payment: Payment
    amount: Decimal
    units: Mapping[int, int]  # by the primary key of their line
    back: Mapping[int, int]  # of these on the shelf again


def plan_refund(
    order: Order,
    *,
    amount: Decimal | None = None,
    lines: Mapping[int, int] | None = None,
    restock: Mapping[int, int] | None = None,
) -> Plan:
    """What refund_order would do with an order as it stands. Raises InvalidRefund, as that does."""
    return _plan(order, order.status, amount=amount, lines=lines, restock=restock)


def _plan(
    order: Order,
    standing: str,
    *,
    amount: Decimal | None,
    lines: Mapping[int, int] | None,
    restock: Mapping[int, int] | None,
) -> Plan:
    captured = [one for one in order.payments.all() if one.state == Payment.State.CAPTURED]
    payment = max(captured, key=lambda one: one.pk, default=None)
    if payment is None:
        raise InvalidRefund(f"Order {order.order_id} was paid elsewhere: refund it where it was paid.")
    kept = {line.pk: line for line in sorted(order.lines.all(), key=lambda line: line.pk)}
    units = _units(order, kept, lines, is_all=amount is None)
    back = _restocked(units, restock, in_house=standing in IN_HOUSE)
    price = _price(kept, units) if lines is not None and amount is None else None
    return Plan(payment, _part(order, payment, price if amount is None else amount), units, back)


def _units(
    order: Order, kept: Mapping[int, Line], lines: Mapping[int, int] | None, *, is_all: bool
) -> dict[int, int]:
    """Units by line that this refund is for. Raises InvalidRefund."""
    left = {pk: line.quantity - line.refunded_quantity for pk, line in kept.items()}
    if lines is None:
        return {pk: count for pk, count in left.items() if count} if is_all else {}
    wanted = {pk: count for pk, count in lines.items() if count}
    if not wanted:
        raise InvalidRefund("No units are chosen: choose some, or refund an amount.")
    for pk, count in wanted.items():
        if pk not in left:
            raise InvalidRefund(f"Order {order.order_id} has no line {pk}.")
        if not 0 < count <= left[pk]:
            raise InvalidRefund(f"{kept[pk].title}: {left[pk]} can be refunded, not {count}.")
    return wanted


def _restocked(
    units: Mapping[int, int], restock: Mapping[int, int] | None, *, in_house: bool
) -> dict[int, int]:
    if restock is None:
        return dict(units) if in_house else {}
    for pk, count in restock.items():
        if not 0 <= count <= units.get(pk, 0):
            raise InvalidRefund(f"Of line {pk}, {units.get(pk, 0)} are refunded: {count} cannot go back.")
    return {pk: count for pk, count in restock.items() if count}


def _price(kept: Mapping[int, Line], units: Mapping[int, int]) -> Decimal:
    """What the units cost. Raises InvalidRefund where a producer did not say."""
    total = Decimal(0)
    for pk, count in units.items():
        price: Decimal | None = kept[pk].price
        if price is None:
            raise InvalidRefund(f"The price of {kept[pk].title} is not known: say which amount to refund.")
        total += price * count
    return total


def _part(order: Order, payment: Payment, amount: Decimal | None) -> Decimal:
    """The amount to give, never more than is left of what was captured. Raises InvalidRefund."""
    left = payment.amount - payment.refunded
    part = left if amount is None else amount
    if part > left or part < 0 or (part == 0 and left > 0):
        raise InvalidRefund(
            f"Order {order.order_id}: {money_text(left, order.currency)} can be refunded, not {part}."
        )
    return part


def due_refunds(limit: int) -> list[int]:
    """Refunds that wait for the gateway, oldest first."""
    due = Refund.objects.filter(state=State.DUE, next_try_at__lte=timezone.now())
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:limit])


def give_due(limit: int = 100) -> int:
    """Give what is due, side by side; how many were tried."""
    questions = [question for refund_id in due_refunds(limit) if (question := _lease(refund_id))]
    for answered in side_by_side(ask_refund, questions):
        for question in answered:
            _write(question)
    return len(questions)


def give_refund(refund_id: int) -> None:
    """Ask the gateway for one refund that is due; safe to call any number of times."""
    if question := _lease(refund_id):
        _write(ask_refund(question))


@transaction.atomic
def _lease(refund_id: int) -> RefundQuestion | None:
    """The right to ask, and the row of the call; None where somebody else has it."""
    now = timezone.now()
    due = Refund.objects.filter(pk=refund_id, state=State.DUE, next_try_at__lte=now)
    if not due.update(next_try_at=now + LEASE, tries=F("tries") + 1):
        return None
    refund = Refund.objects.select_related("payment").get(pk=refund_id)
    if refund.payment is None:
        raise InvalidRefund(f"Refund {refund.key} names no payment to give back from.")
    call = PaymentCall.objects.create(
        payment=refund.payment, refund=refund, kind=PaymentCall.Kind.REFUND, key=refund.key, stored_at=now
    )
    return RefundQuestion(refund, call)


def _write(question: RefundQuestion) -> None:
    try:
        with transaction.atomic():
            question.call.save()
            if question.given is None:
                _later(question.refund, question.silence)
            else:
                _apply(question.refund, question.given)
    except DatabaseError:
        logger.exception("refund %s could not be written; it is asked for again", question.refund.key)


def _later(refund: Refund, why: str) -> None:
    pause = min(timedelta(seconds=2 ** min(refund.tries, 12)), MAX_PAUSE)
    Refund.objects.filter(pk=refund.pk, state=State.DUE).update(
        next_try_at=timezone.now() + pause, reason=why[:200]
    )
    logger.warning("refund %s: %s The gateway is asked again in %d s.", refund.key, why, pause.seconds)


def _apply(refund: Refund, given: Given) -> None:
    """Write what the gateway did, once."""
    state = State.DONE if given.done else State.REFUSED
    won = Refund.objects.filter(pk=refund.pk, state=State.DUE).update(
        state=state, reason=given.reason[:200], settled_at=timezone.now(), next_try_at=None
    )
    if not won:
        return
    if not given.done:
        _refused(refund, given.reason)
        return
    Order.objects.filter(pk=refund.order_id).update(refunded=F("refunded") + refund.amount)
    news.tell([refund.order_id])
    order = get(refund.order_id)
    order.payments.filter(pk=refund.payment_id or 0).update(refunded=F("refunded") + refund.amount)
    number = order.refunds.filter(state=State.DONE).count()
    units = list(refund.lines.select_related("line").order_by("pk"))
    write_mail(order, letters.REFUNDED, number=number, facts=_facts(order, refund, units))
    if order.status == Status.REFUND_PENDING:
        _given(order, refund, units)


def _facts(order: Order, refund: Refund, units: Sequence[RefundLine]) -> dict[str, str]:
    """What the mail tells of this refund."""
    what = ", ".join(f"{unit.quantity} × {unit.line.title}" for unit in units)
    return {"amount": money_text(refund.amount, order.currency), "what": what}


def _given(order: Order, refund: Refund, units: Sequence[RefundLine]) -> None:
    """Tell of a refund with its lines, and put back on the shelf what staff said."""
    payment = order.payments.get(pk=refund.payment_id or 0)
    to = Status.REFUNDED if payment.refunded >= payment.amount else Status(refund.back_to)
    bulk.amend(
        Line,
        ("refunded_quantity",),
        [(unit.line_id, unit.line.refunded_quantity + unit.quantity) for unit in units],
    )
    step(
        order,
        to,
        actor=refund.actor,
        why=f"{money_text(refund.amount, order.currency)} given back. {refund.why}".strip(),
        kind=EVENT_TYPES[Status.REFUNDED],  # also of a part, after which the order goes on
        cause=refund.key,
        amount=refund.amount,
        lines=[
            OrderLine(product_id=unit.line.product_id, quantity=unit.quantity, price=unit.line.price)
            for unit in units
        ],
    )
    back: Counter[str] = Counter()
    for unit in units:
        back[unit.line.product_id] += unit.restock
    if back := +back:
        give_back(
            order_id=order.order_id,
            cause=refund.key,
            quantities=back,
            actor=refund.actor,
            at=timezone.now(),
        )


def _refused(refund: Refund, reason: str) -> None:
    logger.error("the gateway refused to refund order %s: %s", refund.order_id, reason)
    order = get(refund.order_id)
    if order.status == Status.REFUND_PENDING and refund.back_to in REFUNDABLE:
        move(order, Status(refund.back_to), actor="payments", why=f"refund refused: {reason}")
