"""Who may ask the gateway about a payment, and until when. charging, foreign -> here -> Payment, PaymentCall.

A lease and the row of every call that may follow are one commit, before the first call. What is due is leased
by charging.py; what a drain makes due, by the drain's own transaction, where its thread charges along.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from inventory.services import extend_many
from orders.models import Order, Payment
from orders.payments.cards import ELSEWHERE_TOKEN
from orders.states import Status
from shopsite import bulk
from shopsite.fulfilment.asking import Question, inquiries, planned
from shopsite.fulfilment.wake import wake
from shopsite.prepared import Prepared, PreparedUpdate, Slot

LEASE = timedelta(seconds=settings.LEASE_SECONDS)
State = Payment.State
LEASED = (State.DUE, State.ACTION, State.DROPPING)
_here = threading.local()  # .is_along: what this thread makes due, it leases with that


@contextmanager
def leasing_along() -> Iterator[None]:
    """What this thread makes due meanwhile is leased with that, and asked for when that has committed.

    As much as may be asked about at once. Its answers are for whoever does this to take.
    """
    _here.is_along = True
    try:
        yield
    finally:
        _here.is_along = False


def due_charges(limit: int) -> list[str]:
    """Orders whose payment is to be charged, looked after or voided now, oldest first."""
    due = Payment.objects.filter(state__in=LEASED, next_try_at__lte=timezone.now())
    return list(due.order_by("next_try_at").values_list("order_id", flat=True)[:limit])


@transaction.atomic  # one commit: the lease, and the row of every call that may follow
def lease(limit: int, *, order_id: str | None = None) -> list[Question]:
    """Take payments that are due; nobody else asks for them while the lease runs."""
    now = timezone.now()
    rows = [_payment(row) for row in _found(limit, order_id is not None)(now=now, order_id=order_id)]
    if not rows:
        return []
    taken = _take(rows=[row.pk for row in rows], now=now, until=now + LEASE)
    if taken != len(rows):
        raise RuntimeError(f"{taken} of {len(rows)} locked payments were leased: a lock does not hold")
    for row in rows:
        row.next_try_at = now + LEASE
    extend_many([row.order_id for row in rows], until=kept_while_asked(now))
    questions = [_question(row) for row in rows]
    _store_calls(questions)
    return questions


class Charge(NamedTuple):
    """A payment to be made of an order that another system took, and we charge."""

    order_id: str
    currency: str
    amount: Decimal


def write_due(charges: Sequence[Charge], now: datetime) -> None:
    """Write new payments, which are due at once, in the caller's transaction."""
    count = _count_along(len(charges))
    bulk.insert(
        Payment,
        (
            "order_id", "key", "token", "currency", "amount", "state", "created_at",
            "next_try_at", "tries", "asked_at",
        ),
        [
            (
                charge.order_id, charge.order_id, ELSEWHERE_TOKEN, charge.currency, charge.amount,
                State.DUE.value, now, *((now + LEASE, 1, now) if place < count else (now, 0, None)),
            )
            for place, charge in enumerate(charges)
        ],
    )  # fmt: skip
    _ask_along([charge.order_id for charge in charges[:count]], now + LEASE)
    if count < len(charges):
        wake("charge_due")


def make_due(order_ids: Collection[str]) -> None:
    """Payments that wait for these orders' messages are due now, in the caller's transaction."""
    waiting = list(_waiting_of(order_ids).order_by("order_id").values_list("order_id", flat=True))
    now, count = timezone.now(), _count_along(len(waiting))
    along, later = waiting[:count], waiting[count:]
    if along:
        leased = {"next_try_at": now + LEASE, "tries": F("tries") + 1, "asked_at": now}
        _waiting_of(along).update(state=State.DUE, **leased)
        extend_many(along, until=kept_while_asked(now))
        _ask_along(along, now + LEASE)
    if later:
        _waiting_of(later).update(state=State.DUE, next_try_at=now)
        wake("charge_due")


def kept_while_asked(now: datetime) -> datetime:
    """Until when units are reserved at least, of a payment that is leased now."""
    return now + 2 * LEASE


def _waiting_of(order_ids: Collection[str]) -> QuerySet[Payment]:
    return Payment.objects.filter(order_id__any_of=order_ids, state=State.WAITING)


def _count_along(count: int) -> int:
    """How many of so many payments this thread may lease as it makes them due."""
    return min(count, inquiries.room) if getattr(_here, "is_along", False) else 0


def _ask_along(order_ids: Collection[str], until: datetime) -> None:
    """Payments that were leased until then for the first time are asked for when that has committed."""
    if not order_ids:
        return
    rows = [_payment(row) for row in _leased(order_ids=list(order_ids), until=until)]
    questions = [Question(row, wanted=row.order.status == Status.PLACED, known=False) for row in rows]
    _store_calls(questions)
    transaction.on_commit(lambda: inquiries.ask(questions))


def _first_leased() -> QuerySet[Payment, Any]:
    leased = Payment.objects.filter(state=State.DUE, next_try_at=Slot("until"))
    return leased.filter(order_id__any_of=Slot("order_ids")).select_related("order").order_by("pk")


_leased = Prepared(_first_leased)


def _due() -> QuerySet[Payment]:
    return Payment.objects.filter(state__in=LEASED, next_try_at__lte=Slot("now"))


@cache
def _found(limit: int, is_of_one: bool) -> Prepared[tuple[Any, ...]]:
    """Payments with their orders, oldest first, held until the transaction ends."""

    def query() -> QuerySet[Payment, Any]:
        due = _due().filter(order_id=Slot("order_id")) if is_of_one else _due()
        found = due.select_for_update(skip_locked=True, of=("self",)).select_related("order")
        return found.order_by("next_try_at", "pk")[:limit]

    return Prepared(query)


_take = PreparedUpdate(
    lambda: _due().filter(pk__any_of=Slot("rows")),
    next_try_at=Slot("until"),
    tries=F("tries") + 1,
    asked_at=Coalesce("asked_at", Slot("now")),
    # while we ask, the order may not be dropped
    state=Case(When(state=State.ACTION, then=Value(State.DUE.value)), default=F("state")),
)
PAYMENT = [field.attname for field in Payment._meta.concrete_fields]
ORDER = [field.attname for field in Order._meta.concrete_fields]


def _payment(row: Sequence[Any]) -> Payment:
    """A payment with its order, of the columns of both."""
    payment = Payment.from_db(DEFAULT_DB_ALIAS, PAYMENT, row[: len(PAYMENT)])
    payment.order = Order.from_db(DEFAULT_DB_ALIAS, ORDER, row[len(PAYMENT) :])
    return payment


def _question(row: Payment) -> Question:
    known = row.asked_at is not None
    if row.state == State.ACTION:
        row.state = State.DUE
    return Question(row, wanted=row.order.status == Status.PLACED, known=known)


def _store_calls(questions: Sequence[Question]) -> None:
    for question in questions:
        question.calls = {call.kind: call for call in planned(question.payment, known=question.known)}
    bulk.insert_objects([call for question in questions for call in question.calls.values()])
