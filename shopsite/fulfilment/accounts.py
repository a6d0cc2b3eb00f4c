"""Do our books say what the gateway's say? `manage.py payments`, a task -> here -> the gateway.

What has no end yet is asked for at once, in the usual way; what has ended is compared. Nothing is mended:
a difference is for people.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet
from django.utils import timezone

from orders import payments
from orders.models import Payment, Refund
from orders.payments.gateway import NoAnswer, Outcome, Standing
from shopsite.fulfilment.asking import known_as, side_by_side
from shopsite.fulfilment.charging import charge_due
from shopsite.fulfilment.leases import LEASED
from shopsite.fulfilment.refund import give_due

logger = logging.getLogger(__name__)
State = Payment.State
FINAL = (State.CAPTURED, State.DECLINED, State.VOID)
PAGE = 200


@dataclass(frozen=True)
class Difference:
    """One figure of one payment that the two sides tell differently."""

    payment: str
    name: str  # state, captured, refunded, or refund <key>
    ours: str
    theirs: str


@dataclass
class _Compared:
    payment: Payment
    standing: Standing | None = None
    silence: str = ""


@dataclass(frozen=True)
class Reconciled:
    """What was compared, and what was found."""

    payments: int
    open: int  # have no end yet, after they were asked for
    differences: list[Difference]


def reconcile_payments(*, since: datetime) -> Reconciled:
    """Ask for every payment and refund without an end, and compare those that ended since then."""
    Payment.objects.filter(state__in=LEASED, asked_at__isnull=False).update(next_try_at=timezone.now())
    Refund.objects.filter(state=Refund.State.DUE).update(next_try_at=timezone.now())
    charge_due()
    give_due()
    compared, found = 0, list[Difference]()
    for page in _pages(since):
        for done in side_by_side(_ask, [_Compared(payment) for payment in page]):
            for one in done:
                found += _differences(one)
        compared += len(page)
    for difference in found:
        logger.error("payment %s: %s", difference.payment, difference)
    still_open = Payment.objects.filter(state__in=LEASED).count()
    return Reconciled(compared, still_open, found)


def _pages(since: datetime) -> Iterator[list[Payment]]:
    """Payments that came to their end, oldest first; a late refund changes one that ended before."""
    last = (since, 0)
    while page := list(ended(*last)[:PAGE]):
        yield page
        last = (page[-1].created_at, page[-1].pk)


def ended(since: datetime, after: int) -> QuerySet[Payment]:
    """Those that came to an end, created later or then with a greater number; what is older is not read."""
    rows = Payment.objects.filter(state__in=FINAL, created_at__gte=since).order_by("created_at", "pk")
    return rows.exclude(created_at=since, pk__lte=after)


def _ask(one: _Compared) -> _Compared:
    try:
        one.standing = payments.gateway().state(payment=known_as(one.payment))
    except NoAnswer as error:
        one.silence = str(error)
    return one


def _differences(one: _Compared) -> Iterator[Difference]:
    payment, standing = one.payment, one.standing
    if one.silence:
        yield Difference(payment.key, "state", payment.state, one.silence)
        return
    theirs = standing.outcome.value if standing else "never heard of it"
    if not _agrees(payment, standing):
        yield Difference(payment.key, "state", payment.state, theirs)
    captured = standing.captured if standing else Decimal(0)
    if captured != (payment.amount if payment.state == State.CAPTURED else 0):
        yield Difference(payment.key, "captured", f"{payment.amount:f}", f"{captured:f}")
    yield from _refund_differences(payment, standing)


def _agrees(payment: Payment, standing: Standing | None) -> bool:
    """Whether the end that we wrote is one that the gateway knows."""
    outcome = standing.outcome if standing else None
    if payment.state == State.CAPTURED:
        return outcome == Outcome.CAPTURED
    if payment.state == State.DECLINED:
        return outcome == Outcome.DECLINED
    return outcome in (Outcome.VOIDED, Outcome.DECLINED, None)  # never asked, or never to be charged


def _refund_differences(payment: Payment, standing: Standing | None) -> Iterator[Difference]:
    """Refunds that only one side has given; those that are due may be under way."""
    rows = Refund.objects.filter(payment=payment)
    ours = {row.key: row.amount for row in rows if row.state == Refund.State.DONE}
    due = {row.key for row in rows if row.state == Refund.State.DUE}
    theirs = dict(standing.refunds) if standing else {}
    for key in sorted({*ours, *theirs} - due):
        if ours.get(key) != theirs.get(key):
            yield Difference(payment.key, f"refund {key}", _amount(ours.get(key)), _amount(theirs.get(key)))
    total = sum(ours.values(), Decimal(0))
    if payment.refunded != total:
        yield Difference(payment.key, "refunded", f"{payment.refunded:f}", f"{total:f}")


def _amount(amount: Decimal | None) -> str:
    return "not given" if amount is None else f"{amount:f}"
