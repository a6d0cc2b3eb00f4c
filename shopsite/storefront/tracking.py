"""What an order's page says: the status in words, five steps. orders.selectors -> here -> views/orders.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.utils import timezone

from orders.models import Order
from orders.selectors import OrderView
from orders.states import Status
from shopsite.storefront.delivery import arrives_after, posted_on
from shopsite.storefront.templatetags.shop import clock, day

WAY = (Status.PLACED, Status.PAID, Status.PACKED, Status.SHIPPED, Status.DELIVERED)
STOP_NAMES = {
    Status.PAYMENT_FAILED: "Declined",
    Status.CANCELLED: "Cancelled",
    Status.REJECTED: "Not accepted",
    Status.REFUNDED: "Refunded",
}
SAID = {
    "done": "Done",
    "now": "Now",
    "wait": "In progress",
    "todo": "To come",
    "hold": "On hold",
    "fail": "Failed",
    "end": "Ended",
    "never": "Will not come",
}
WORDS = {  # title, and what follows the order's number
    Status.PLACED: (
        "Thank you, we have your order",
        "You can close this page; the mail follows when the payment is through.",
    ),
    Status.BACKORDERED: ("We have your order, and wait for stock", "It is charged when everything is there."),
    Status.PAYMENT_FAILED: ("The payment did not go through", "Nothing was charged."),
    Status.PAID: ("Paid, and being packed", "{comes}"),
    Status.PACKED: ("Packed, and leaving {leaves}", "{comes}"),
    Status.SHIPPED: ("On its way to you", "{comes}"),
    Status.DELIVERED: ("Delivered", "We hope that you like it. You may return it for 30 days."),
    Status.REFUND_PENDING: ("Your money is on its way back", "Your bank may take a few days to show it."),
    Status.REFUNDED: ("We have given your money back", "Your bank may take a few days to show it."),
    Status.CANCELLED: ("This order is cancelled", "Nothing will be sent."),
    Status.REJECTED: ("We could not accept this order", "Nothing was charged and nothing will be sent."),
}
TO_PAY = ("Pay for your order", "The products are kept for you meanwhile.")
TO_CONFIRM = ("Your bank asks you to confirm", "The products are kept for you meanwhile.")
CHARGED = {  # what follows "ending 4242"; nothing where it is told elsewhere on the page
    Status.PLACED: ", being charged",
    Status.BACKORDERED: ", not charged yet",
    Status.PAYMENT_FAILED: ", not charged",
    Status.CANCELLED: ", not charged",
    Status.REJECTED: ", not charged",
    Status.REFUNDED: ", charged and given back",
}
SHORT = {  # in the list of orders
    Status.PLACED: "Waiting for the payment",
    Status.BACKORDERED: "Waiting for stock",
    Status.PAYMENT_FAILED: "Payment failed",
    Status.PAID: "Paid, being packed",
    Status.PACKED: "Packed",
    Status.SHIPPED: "On its way",
    Status.DELIVERED: "Delivered",
    Status.REFUND_PENDING: "Refund on its way",
    Status.REFUNDED: "Refunded",
    Status.CANCELLED: "Cancelled",
    Status.REJECTED: "Not accepted",
}


@dataclass(frozen=True)
class Step:
    """One of the five: `state` is a key of SAID; `when` is a time or an expectation."""

    state: str
    name: str
    when: str

    @property
    def said(self) -> str:
        """The state for who cannot see the colour."""
        return SAID[self.state]

    @property
    def is_current(self) -> bool:
        """Where the order stands."""
        return self.state in ("now", "wait", "fail", "end")


@dataclass(frozen=True)
class Tracking:
    """An order's way as its page shows it."""

    title: str
    lead: str
    steps: Sequence[Step]
    is_live: bool  # more will happen by itself
    changed_at: datetime
    charged: str  # what became of the card


def page_version(order: Order) -> str:
    """Another one whenever the order's page would read otherwise."""
    return version_of(order, mail_states(order))


def mail_states(order: Order) -> list[str]:
    """The states of the order's mails, oldest first."""
    return list(order.mails.order_by("pk").values_list("state", flat=True))


def version_of(order: Order, mails: Sequence[str]) -> str:
    """page_version(), where the states of the mails are known."""
    facts = (order.status, order.changed_at.isoformat(), str(order.refunded), *mails)
    return sha256("|".join(facts).encode()).hexdigest()[:16]


def tracking(view: OrderView, *, page: str) -> Tracking:
    """Put the order's state into words. page: whose page asks for the card, empty where our checkout did."""
    title, lead = WORDS[view.status]
    if view.confirm_url:
        title, lead = TO_PAY if page else TO_CONFIRM
    facts = {"comes": _comes(view), "leaves": _day_words(_posted(view))}
    return Tracking(
        title=title.format(**facts),
        lead=lead.format(**facts),
        steps=_steps(view),
        is_live=not view.over and view.status != Status.PAYMENT_FAILED,
        changed_at=view.order.changed_at,
        charged=", to be confirmed" if view.confirm_url else CHARGED.get(view.status, ", charged"),
    )


def _steps(view: OrderView) -> list[Step]:
    """Five, whatever happens: room for their times is there from the start."""
    reached = {status: view.reached(status) for status in WAY}
    reached[Status.PLACED] = reached[Status.PLACED] or view.order.placed_at  # others may begin later
    last = max(place for place, status in enumerate(WAY) if reached[status])
    return [_step(view, place, status, reached[status], last) for place, status in enumerate(WAY)]


def _step(view: OrderView, place: int, status: Status, at: datetime | None, last: int) -> Step:
    stopped = view.status in STOP_NAMES
    if at and place <= last:
        has_ring = place == last and place > 0 and not view.over
        return Step("now" if has_ring else "done", status.label, _when(view, at, is_first=place == 0))
    if place == last + 1 and stopped:
        state = "fail" if view.status == Status.PAYMENT_FAILED else "end"
        return Step(state, STOP_NAMES[view.status], _when(view, view.order.changed_at))
    if place == last + 1 and view.status == Status.PLACED:
        return Step("wait", status.label, "waiting for you" if view.confirm_url else "asking your bank")
    return Step(_ahead(view), status.label, _expected(view, status))


def _ahead(view: OrderView) -> str:
    """The state of the steps that were not reached."""
    if view.over:
        return "never"
    return "hold" if view.status in (Status.PAYMENT_FAILED, Status.REFUND_PENDING) else "todo"


def _when(view: OrderView, at: datetime, *, is_first: bool = False) -> str:
    same_day = day(at) == day(view.order.placed_at)
    return clock(at) if same_day and not is_first else f"{day(at)}, {clock(at)}"


def _expected(view: OrderView, status: Status) -> str:
    if view.status not in WAY:
        return ""
    leaves = _posted(view)
    if status == Status.DELIVERED:
        return _between(*arrives_after(leaves))
    if status == Status.SHIPPED:
        return f"{_day_words(leaves)} by {clock(leaves)}"
    return _day_words(leaves) if status == Status.PACKED else ""


def _posted(view: OrderView) -> datetime:
    """When it left the house, or will: after it was paid, and never in the past."""
    if shipped := view.reached(Status.SHIPPED):
        return shipped
    ready = view.reached(Status.PAID) or view.order.placed_at
    return max(posted_on(ready), posted_on(timezone.now()))


def _comes(view: OrderView) -> str:
    first, last = arrives_after(_posted(view))
    if last.date() < timezone.localdate():
        return f"It should have been with you by {day(last)}: write to us if it has not come."
    return f"It should be with you on {_between(first, last)}."


def _between(first: datetime, last: datetime) -> str:
    return f"{first:%a} {first.day} or {day(last)}"


def _day_words(moment: datetime) -> str:
    return "today" if day(moment) == day(timezone.now()) else f"{moment:%A}"
