"""Prove that orders and stock fit together. `manage.py reconcile` -> here; levels: inventory/reconcile.py.

Each kind is one statement, so that it sees orders and stock at one moment, whatever goes on meanwhile.
A cure holds the order first and looks again: the move to paid and its sales are one transaction.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum
from django.utils import timezone

from inventory.models import Level, Movement, Reservation
from inventory.services import SALE, Move, post, release, settle_many
from orders.models import Line, Order, Payment
from orders.selectors import units
from orders.states import REFUNDABLE, Status
from shopsite.fulfilment.steps import expire_reservations
from shopsite.naming import event_name

ACTOR: Final = "reconcile"
SOLD: Final = (*REFUNDABLE, Status.REFUND_PENDING)
LATE: Final = timedelta(hours=1)  # the sweep looks every minute: by then nobody does
MOST: Final = 1000  # of each kind: whoever has more has one cause to find


@dataclass(frozen=True)
class Finding:
    """Something of an order, or of a product, that does not fit."""

    kind: str  # ended_holds_stock, paid_without_sale, expired, below_zero
    subject: str  # order or product
    detail: str


def findings() -> list[Finding]:
    """Everything that does not fit and can be mended, by kind; at most MOST of each."""
    return [*_ended_orders_hold_stock(), *_paid_without_sale(), *_expired_long_ago()]


def notices() -> list[Finding]:
    """What somebody should know though nothing differs: others may tell of more than there was."""
    short = Level.objects.filter(Q(on_hand__lt=0) | Q(tracked=True, on_hand__lt=F("reserved")))
    return [
        Finding("below_zero", level.pk, f"{level.on_hand:,} on hand, {level.reserved:,} reserved")
        for level in short.order_by("pk")[:MOST]
    ]


def mend(found: Sequence[Finding]) -> list[str]:
    """Mend findings one by one; returns what was done, in words."""
    done = [CURES[finding.kind](finding.subject) for finding in found if finding.kind in CURES]
    late = [finding.subject for finding in found if finding.kind == "expired"]
    if late:
        expire_reservations(MOST)
        done += [_what_became(order_id) for order_id in late]
    return list(dict.fromkeys(filter(None, done)))


def _ended_orders_hold_stock() -> list[Finding]:
    """Units are kept for placed orders only: what others hold is missing to everybody."""
    status = Order.objects.filter(pk=OuterRef("order_id")).values("status")
    rows = Reservation.objects.filter(state=Reservation.State.OPEN).annotate(stands=Subquery(status[:1]))
    wrong = rows.filter(Q(stands=None) | ~Q(stands=Status.PLACED)).values("order_id", "stands")
    return [
        Finding(
            "ended_holds_stock",
            row["order_id"],
            f"{_stands(row['stands'])}, and still has {row['held']:,} units reserved",
        )
        for row in wrong.annotate(held=Sum("quantity")).order_by("order_id")[:MOST]
    ]


def _paid_without_sale() -> list[Finding]:
    """Orders that we took money for, with a product that the ledger has no sale of.

    We took it where the gateway was asked: orders made in bulk, to measure on, have sold nothing.
    """
    taken = Payment.objects.filter(
        order=OuterRef("order_id"), state=Payment.State.CAPTURED, asked_at__isnull=False
    )
    sale = Movement.objects.filter(
        order_id=OuterRef("order_id"), product_id=OuterRef("product_id"), reason=SALE
    )
    rows = Line.objects.filter(Exists(taken), ~Exists(sale), order__status__in=SOLD).order_by("order_id")
    return [
        Finding("paid_without_sale", order_id, f"{_stands(status)}, and the ledger lacks its sale")
        for order_id, status in rows.values_list("order_id", "order__status").distinct()[:MOST]
    ]


def _expired_long_ago() -> list[Finding]:
    placed = Order.objects.filter(pk=OuterRef("order_id"), status=Status.PLACED)
    late = Reservation.objects.filter(
        Exists(placed), state=Reservation.State.OPEN, expires_at__lt=timezone.now() - LATE
    )
    return [
        Finding("expired", order_id, "its reservation is over for more than an hour, and nothing ended it")
        for order_id in late.order_by("order_id").values_list("order_id", flat=True).distinct()[:MOST]
    ]


def _stands(status: str | None) -> str:
    return f"is {status.replace('_', ' ')}" if status else "does not exist"


@transaction.atomic
def _give_back(order_id: str) -> str:
    """What is still reserved becomes the sale that it was for, or goes back."""
    order = Order.objects.select_for_update().filter(pk=order_id).first()
    if order and order.status == Status.PLACED:
        return ""  # it went on meanwhile
    if order and order.status in SOLD and not _sold(order_id):
        settle_many([order_id], actor=ACTOR, at=order.paid_at or timezone.now())
        return f"order {order_id}: what it had reserved is sold"
    release(order_id=order_id)
    return f"order {order_id}: what it had reserved was given back"


@transaction.atomic
def _sell(order_id: str) -> str:
    """Write the sales that the ledger lacks, at the time of payment."""
    order = Order.objects.select_for_update().get(pk=order_id)
    if order.status not in SOLD:
        return ""  # it went on meanwhile
    known = _sold(order_id)
    at = order.paid_at or timezone.now()
    moves = [
        Move(event_name(SALE, order_id, sku), sku, -count, SALE, ACTOR, at, order_id)
        for sku, count in sorted(units(order_id).items())
        if sku not in known
    ]
    post(moves)
    return f"order {order_id}: {len(moves)} sales written into the ledger" if moves else ""


def _sold(order_id: str) -> set[str]:
    """Products that the ledger has a sale of, for this order."""
    rows = Movement.objects.filter(order_id=order_id, reason=SALE)
    return set(rows.values_list("product_id", flat=True))


def _what_became(order_id: str) -> str:
    order = Order.objects.get(pk=order_id)
    if order.status != Status.PLACED:
        return f"order {order_id}: its reservation was ended; it {_stands(order.status)}"
    held = Reservation.objects.filter(order_id=order_id, state=Reservation.State.OPEN)
    if held.filter(expires_at__gt=timezone.now()).exists():
        return f"order {order_id}: its reservation was extended, because a charge is on its way"
    return ""  # the next look names it again


# in the order of findings(): a reservation that becomes a sale leaves nothing to sell
CURES: Final[dict[str, Callable[[str], str]]] = {
    "ended_holds_stock": _give_back,
    "paid_without_sale": _sell,
}
