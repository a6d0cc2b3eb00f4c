"""Ask the gateway about payments, in threads, without a database. charging, refund -> here -> payments.

Every call has a row that was written before, with its key (PaymentCall); what it came to is noted on the
row, which whoever asked writes back.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from django.conf import settings
from django.utils import timezone

from orders import payments
from orders.models import Payment, PaymentCall, Refund
from orders.payments.gateway import Given, Known, NoAnswer, Outcome, Standing

logger = logging.getLogger(__name__)
AT_ONCE = 48  # calls that wait for an answer: a slow card takes one place of these
GATHER_SECONDS = 0.006  # less than a write takes: answers that come by then share one
Kind = PaymentCall.Kind
Answer = TypeVar("Answer", Standing, Given, Standing | None)
Job = TypeVar("Job")


@dataclass
class Question:
    """One payment that is leased to us, and the calls that may be needed for it."""

    payment: Payment
    wanted: bool  # the order waits for the money: otherwise nothing is authorised or captured
    known: bool  # the gateway may have heard of it
    calls: dict[str, PaymentCall] = field(default_factory=dict)
    standing: Standing | None = None  # None: the gateway never heard of it
    silence: str = ""  # why there is no answer

    @property
    def made(self) -> list[PaymentCall]:
        """The calls that were made."""
        return [call for call in self.calls.values() if call.asked_at]


def planned(payment: Payment, *, known: bool) -> list[PaymentCall]:
    """The calls that a payment may need, to be stored before the first is made."""
    if payment.state == Payment.State.DROPPING:
        kinds = [Kind.STATE, Kind.VOID]
    else:
        kinds = [*([Kind.STATE] if known else []), Kind.AUTHORISE, Kind.CAPTURE]
    now = timezone.now()
    return [
        PaymentCall(payment=payment, kind=kind, key=call_key(payment, kind), stored_at=now) for kind in kinds
    ]


def call_key(payment: Payment, kind: str) -> str:
    """The idempotency key of a call: the same at each try."""
    return payment.key if kind in (Kind.AUTHORISE, Kind.STATE) else f"{payment.key}/{kind}"


def known_as(payment: Payment) -> Known:
    """A payment's names, as far as we know them."""
    return Known(payment.key, payment.reference)


def ask(question: Question) -> Question:
    """Find out what became of a payment, and take it a step further where its order waits for it."""
    try:
        question.standing = _proceed(question)
    except NoAnswer as error:
        question.silence = str(error)
    except Exception:
        logger.exception("payment %s could not be asked for; its lease runs out", question.payment.key)
        question.silence = "Something failed on our side."
    return question


def _proceed(question: Question) -> Standing | None:
    bank, payment, calls = payments.gateway(), question.payment, question.calls
    standing: Standing | None = None
    if question.known:
        standing = note(calls[Kind.STATE], lambda _key: bank.state(payment=known_as(payment)))
    if payment.state == Payment.State.DROPPING:
        if standing is None or standing.outcome in (Outcome.CAPTURED, Outcome.DECLINED, Outcome.VOIDED):
            return standing
        return note(calls[Kind.VOID], lambda key: bank.void(payment=known_as(payment), key=key))
    if standing is None and question.wanted:
        standing = note(
            calls[Kind.AUTHORISE],
            lambda key: bank.authorise(
                key=key,
                token=payment.token,
                amount=payment.amount,
                currency=payment.currency,
                return_url=f"{settings.SHOP_ORIGIN}/orders/{payment.order_id}/",
            ),
        )
    if standing and standing.outcome == Outcome.AUTHORISED and question.wanted:
        name = Known(payment.key, standing.reference)
        standing = note(calls[Kind.CAPTURE], lambda key: bank.capture(payment=name, key=key))
    return standing


def note(call: PaymentCall, question: Callable[[str], Answer]) -> Answer:
    """Make a call and note on its row when, and what came of it. Raises NoAnswer."""
    call.asked_at = timezone.now()
    try:
        answer = question(call.key)
    except NoAnswer as error:
        call.outcome, call.detail = "no_answer", str(error)[:300]
        raise
    call.answered_at = timezone.now()
    call.outcome = _outcome(answer)
    if answer is not None:
        call.reference, call.detail = answer.reference, answer.reason[:300]
    return answer


def _outcome(answer: Standing | Given | None) -> str:
    if answer is None:
        return "unknown"
    if isinstance(answer, Given):
        return "done" if answer.done else "refused"
    return answer.outcome.value


@dataclass
class RefundQuestion:
    """One refund that is leased to us, and its call."""

    refund: Refund
    call: PaymentCall
    given: Given | None = None
    silence: str = ""


def ask_refund(question: RefundQuestion) -> RefundQuestion:
    """Have the gateway give the money back."""
    refund, payment = question.refund, question.call.payment
    try:
        question.given = note(
            question.call,
            lambda key: payments.gateway().refund(payment=known_as(payment), key=key, amount=refund.amount),
        )
    except NoAnswer as error:
        question.silence = str(error)
    return question


def side_by_side(work: Callable[[Job], Job], jobs: Iterable[Job]) -> Iterator[Sequence[Job]]:
    """Do jobs in threads; yields what is done, as it is done, so that a slow one holds nobody up."""
    done: queue.SimpleQueue[Job] = queue.SimpleQueue()
    left = 0
    for job in jobs:
        left += 1
        hand_out(work, job, done)
    while left:
        some = waiting(done)
        left -= len(some)
        yield some


def hand_out(work: Callable[[Job], Job], job: Job, done: "queue.SimpleQueue[Any]") -> None:
    """Have a thread do a job and put it, done, into the queue."""
    threads().submit(lambda: done.put(work(job)))


def waiting(done: "queue.SimpleQueue[Job]") -> list[Job]:
    """Everything in a queue; waits for the first."""
    some = [done.get()]
    while not done.empty():
        some.append(done.get())
    return some


@cache
def threads() -> ThreadPoolExecutor:
    """The threads of this process that ask gateways."""
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="gateway")


class Inquiries:
    """Payments that this process asks about: how many are open, and the answers that have come."""

    def __init__(self) -> None:
        self._words: queue.SimpleQueue[Question | None] = queue.SimpleQueue()  # answers; None: there is more
        self._open = 0
        self._count = threading.Lock()

    @property
    def room(self) -> int:
        """How many more may be asked about now."""
        return max(0, AT_ONCE - self._open)

    @property
    def is_busy(self) -> bool:
        """Whether an answer or a word has come, or will."""
        return self._open > 0 or not self._words.empty()

    def ask(self, questions: Sequence[Question]) -> None:
        """Have threads ask what is leased."""
        with self._count:
            self._open += len(questions)
        for question in questions:
            hand_out(ask, question, self._words)

    def say_more(self) -> None:
        """Leave word that something is due, for whoever takes the answers."""
        self._words.put(None)

    def take(self) -> tuple[list[Question], bool]:
        """What was answered, and whether there was word of more. Waits for the first of either."""
        words = self._gathered()
        answers = [question for question in words if question is not None]
        with self._count:
            self._open -= len(answers)
        return answers, len(answers) < len(words)

    def _gathered(self) -> "list[Question | None]":
        """The words that have come, and answers that come a moment later."""
        words, until = waiting(self._words), time.monotonic() + GATHER_SECONDS
        while len(words) < self._open and None not in words and (left := until - time.monotonic()) > 0:
            try:
                words.append(self._words.get(timeout=left))
            except queue.Empty:
                break
        return words


inquiries = Inquiries()
