"""All rows that the laws look at, read once: eleven queries, whatever there is. breaches -> here."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeVar

from django.db import models

from inventory.models import Level, Movement, Reservation
from orders.models import Line, Mail, Order, Payment, Refund, Transition
from shopsite.events.models import OutboxEvent
from tests.support.bank import Taken, bank

Row = TypeVar("Row")


class OrderRow(NamedTuple):
    order_id: str
    status: str
    source: str
    elsewhere: bool
    amount: Decimal
    refunded: Decimal


class UnitRow(NamedTuple):
    """So many of a product for an order."""

    order_id: str
    product_id: str
    quantity: int


class MoveRow(NamedTuple):
    order_id: str
    from_status: str
    to_status: str
    actor: str


class PaymentRow(NamedTuple):
    order_id: str
    key: str
    state: str
    amount: Decimal


class RefundRow(NamedTuple):
    order_id: str
    key: str
    state: str
    amount: Decimal
    back_to: str  # empty: of a charge that came too late, and that no goods belong to


class MailRow(NamedTuple):
    order_id: str
    kind: str


class LevelRow(NamedTuple):
    product_id: str
    on_hand: int
    reserved: int
    tracked: bool


class LedgerRow(NamedTuple):
    event_id: str
    product_id: str
    change: int
    reason: str
    order_id: str
    origin: str | None


class EventRow(NamedTuple):
    topic: str
    event_id: str
    value: bytes
    published_at: datetime | None


@dataclass(frozen=True)
class Books:
    """The shop's, and the bank's."""

    orders: Mapping[str, OrderRow]
    lines: list[UnitRow]
    history: list[MoveRow]
    payments: list[PaymentRow]
    refunds: list[RefundRow]
    mails: list[MailRow]
    levels: list[LevelRow]
    ledger: list[LedgerRow]
    held: list[UnitRow]  # open reservations
    told: list[EventRow]  # our own events
    bank: Mapping[str, Taken]


def read_books() -> Books:
    """Everything as it stands."""
    orders = _rows(OrderRow, Order.objects.all())
    return Books(
        orders={order.order_id: order for order in orders},
        lines=_rows(UnitRow, Line.objects.all()),
        history=_rows(MoveRow, Transition.objects.all()),
        payments=_rows(PaymentRow, Payment.objects.all()),
        refunds=_rows(RefundRow, Refund.objects.all()),
        mails=_rows(MailRow, Mail.objects.all()),
        levels=_rows(LevelRow, Level.objects.all()),
        ledger=_rows(LedgerRow, Movement.objects.all()),
        held=_rows(UnitRow, Reservation.objects.filter(state="open")),
        told=_rows(EventRow, OutboxEvent.objects.filter(own=True)),
        bank=bank(),
    )


def _rows(row: type[Row], rows: "models.QuerySet[models.Model]") -> list[Row]:
    names: tuple[str, ...] = row._fields  # type: ignore[attr-defined]  # of a NamedTuple
    return [row(*values) for values in rows.order_by("pk").values_list(*names)]
