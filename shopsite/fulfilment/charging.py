"""Charge what is due, many at a time. tasks -> here -> asking.py in threads -> pay.settle_answers.

    lease (one UPDATE for many) -> ask, side by side -> write what has been answered, together -> lease more

One run a process: whoever comes meanwhile leaves word that there is more. A slow card keeps one thread
waiting, and neither the lease nor the writing.
"""

import queue
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Case, F, QuerySet, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from inventory.services import extend_many
from orders.models import Order, Payment
from orders.states import Status
from shopsite import bulk
from shopsite.fulfilment.answers import write_answers
from shopsite.fulfilment.asking import AT_ONCE, Question, ask, hand_out, planned, waiting
from shopsite.prepared import Prepared, PreparedUpdate, Slot

LEASE = timedelta(seconds=settings.LEASE_SECONDS)
State = Payment.State
GATHER_SECONDS = 0.006  # less than a write takes: answers that come by then share one
LEASED = (State.DUE, State.ACTION, State.DROPPING)
_runs = threading.Lock()
_inbox: "queue.SimpleQueue[Question | None]" = queue.SimpleQueue()  # answers; None: there is more


def charge(order_id: str) -> None:
    """Charge what is due for one order, here and now; safe to call any number of times."""
    for question in lease(1, order_id=order_id):
        write_answers([ask(question)])


def charge_due() -> int:
    """Charge whatever is due; returns how many answers came. At once where another thread does it already."""
    answered = 0
    _inbox.put(None)
    while not _inbox.empty() and _runs.acquire(blocking=False):
        try:
            answered += _run()
        finally:
            _runs.release()
    return answered


def _run() -> int:
    """Lease, ask and write until nothing is due and nobody is waited for."""
    asked = answered = 0
    is_more = False
    while asked > answered or not _inbox.empty() or is_more:
        answers: list[Question] = []
        if asked > answered or not _inbox.empty():
            words = _gathered(asked - answered)
            answers = [question for question in words if question is not None]
            is_more |= len(answers) < len(words)
            answered += len(answers)
        room = AT_ONCE - (asked - answered)
        if is_more and room:  # before the answers are written: the gateway works meanwhile
            questions = lease(room)
            is_more = len(questions) == room
            for question in questions:
                hand_out(ask, question, _inbox)
            asked += len(questions)
        write_answers(answers)
    return answered


def _gathered(missing: int) -> list[Question | None]:
    """The words that have come: waits for the first, and a moment for missing answers that come beside it."""
    words, until = waiting(_inbox), time.monotonic() + GATHER_SECONDS
    while len(words) < missing and None not in words and (left := until - time.monotonic()) > 0:
        try:
            words.append(_inbox.get(timeout=left))
        except queue.Empty:
            break
    return words


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
    extend_many([row.order_id for row in rows], until=now + 2 * LEASE)
    questions = [_question(row) for row in rows]
    _store_calls(questions)
    return questions


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
