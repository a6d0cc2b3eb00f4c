"""Every read of orders. Order and its rows -> here -> storefront, fulfilment, boards, API."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q, QuerySet

from orders.addresses import address_of
from orders.models import Line, Order, Payment, Transition
from orders.services import get
from orders.states import Status
from shopsite.prepared import Prepared, Slot, merged

FINAL = (Status.DELIVERED, Status.REFUNDED, Status.CANCELLED, Status.REJECTED)


def units(order_id: str) -> Counter[str]:
    """Units by product, duplicate lines summed."""
    found: Counter[str] = Counter()
    for sku, quantity in Line.objects.filter(order_id=order_id).values_list("product_id", "quantity"):
        found[sku] += quantity
    return found


@dataclass(frozen=True)
class LineView:
    """One position as the shopper sees it; amounts None where no price is known."""

    product_id: str
    title: str
    quantity: int
    price: Decimal | None
    total: Decimal | None
    picture: str
    plate: str  # the class of the plate behind the picture
    listed: bool


@dataclass(frozen=True)
class StepView:
    """One row of the history."""

    at: datetime
    from_status: str
    to_status: str
    why: str


@dataclass(frozen=True)
class MailView:
    """One mail to the customer."""

    kind: str
    to: str
    subject: str
    text: str  # empty until it first goes out
    state: str  # due, sent, not_sent, failed
    trouble: str  # why it did not go out, in a plain sentence
    sent_at: datetime | None


@dataclass(frozen=True)
class OrderView:
    """An order with all that its page shows."""

    order: Order
    lines: list[LineView]
    history: list[StepView]
    mails: list[MailView]
    card: str  # its last four digits
    failure: str  # why the payment failed, for the shopper; empty where it did not
    confirm_url: str  # where the shopper confirms the payment; empty where nothing waits for that

    @property
    def status(self) -> Status:
        """Where the order stands."""
        return Status(self.order.status)

    @property
    def products_total(self) -> Decimal:
        """The amount without shipping."""
        total: Decimal = self.order.amount - self.order.shipping
        return total

    @property
    def address(self) -> list[str]:
        """Where it goes, a line each; empty where nobody told."""
        return address_of(self.order)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in FINAL

    @property
    def can_pay_again(self) -> bool:
        """Whether another card may be tried."""
        return self.status == Status.PAYMENT_FAILED

    @property
    def can_cancel(self) -> bool:
        """Whether the shopper may still cancel."""
        return self.status in (Status.PLACED, Status.BACKORDERED, Status.PAYMENT_FAILED, Status.PAID)

    @property
    def would_return(self) -> Decimal:
        """What goes back to the shopper who cancels now."""
        left: Decimal = self.order.amount - self.order.refunded
        return left if self.status == Status.PAID else Decimal(0)

    def reached(self, status: str) -> datetime | None:
        """When the order last came to a status; None where it never did."""
        times = [step.at for step in self.history if step.to_status == status]
        return times[-1] if times else None


def order_view(order_id: str) -> OrderView:
    """An order with lines, history, mails and payment: five queries. Raises UnknownOrder."""
    order = get(order_id)
    payment = order.payments.order_by("-pk").first()
    lines = order.lines.select_related("product__category").order_by("pk")
    failed = order.status == Status.PAYMENT_FAILED and payment is not None
    return OrderView(
        order=order,
        lines=[_line(line) for line in lines],
        history=[_step(row) for row in order.history.all()],
        mails=[
            MailView(mail.kind, mail.to, mail.subject, mail.text, mail.state, mail.trouble, mail.sent_at)
            for mail in order.mails.defer("html").order_by("pk")
        ],
        card=payment.last4 if payment else "",
        failure=payment.reason if failed and payment else "",
        confirm_url=payment.confirm_url if payment and payment.state == Payment.State.ACTION else "",
    )


def orders_of(
    *, user_id: str | None = None, account_id: int | None = None, limit: int = 50
) -> QuerySet[Order]:
    """The newest orders of a visitor, or of an account where one is given; lines prefetched."""
    if account_id is not None:
        mine = Order.objects.filter(account_id=account_id)
    elif user_id:
        mine = Order.objects.filter(user_id=user_id)
    else:
        return Order.objects.none()  # "" is no visitor: orders of unknown customers have it
    return mine.order_by("-placed_at").prefetch_related("lines")[:limit]


class ToldLine(NamedTuple):
    """One position of an order, for other programs."""

    product_id: str
    quantity: int
    price: Decimal | None  # of one unit; None where it is not known


class ToldOrder(NamedTuple):
    """An order for other programs."""

    order_id: str
    status: str
    currency: str
    amount: Decimal
    carrier: str
    tracking: str
    lines: list[ToldLine]
    history: list[tuple[datetime, str, str, str]]  # at, from, to, why


_order_and_lines = Prepared(
    lambda: (
        Order.objects.filter(pk=Slot("order_id"))
        .order_by("lines__pk")
        .values_list(
            "order_id",
            "status",
            "currency",
            "amount",
            "carrier",
            "tracking",
            "lines__product_id",
            "lines__quantity",
            "lines__price",
        )
    )
)
_history = Prepared(
    lambda: (
        Transition.objects.filter(order_id=Slot("order_id"))
        .order_by("pk")
        .values_list("at", "from_status", "to_status", "why")
    )
)


def told_order(order_id: str) -> ToldOrder | None:
    """An order with its lines and history, both oldest first, in two queries; None where there is none."""
    rows = _order_and_lines(order_id=order_id)
    if not rows:
        return None
    lines = [ToldLine(*row[6:]) for row in rows if row[6] is not None]
    return ToldOrder(*rows[0][:6], lines, _history(order_id=order_id))


class ChangedOrder(NamedTuple):
    """An order in a list by last change."""

    order_id: str
    status: str
    currency: str
    amount: Decimal
    placed_at: datetime
    changed_at: datetime


def changed_orders(
    *,
    status: str | None = None,
    since: datetime | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int,
) -> list[ChangedOrder]:
    """Orders by their last change, oldest first: of one status, since a time, after (changed_at, id).

    Each status has its index by change, so a page of each is read and merged, in one query.
    """
    wanted = Q(changed_at__gte=since) if since else Q()
    if after:
        at, order_id = after
        wanted &= Q(changed_at__gt=at) | Q(changed_at=at, pk__gt=order_id)
        wanted &= Q(changed_at__gte=at)  # bounds the range of the index
    query = (
        Order.objects.filter(wanted, status=Slot("status"))
        .order_by("changed_at", "pk")
        .values_list(*ChangedOrder._fields)[:limit]
    )
    rows = merged(query, slot="status", of=[status] if status else Status.values, by=(6, 1), limit=limit)
    return [ChangedOrder(*row) for row in rows]


def payments_of(order_id: str) -> list[Payment]:
    """Every attempt to charge an order, first one first."""
    return list(Payment.objects.filter(order_id=order_id).order_by("pk"))


def _line(line: Line) -> LineView:
    product = line.product
    return LineView(
        product_id=line.product_id,
        title=line.title,
        quantity=line.quantity,
        price=line.price,
        total=None if line.price is None else line.price * line.quantity,
        picture=product.picture,
        plate=product.plate,
        listed=product.listed,
    )


def _step(row: Transition) -> StepView:
    return StepView(row.at, row.from_status, row.to_status, row.why)
