"""What staff may do with an order, in one table. The list, an order's buttons -> here -> fulfilment.

Each step is a transaction with its row in the audit log; a refusal is a row, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest

from orders.models import Order
from orders.states import Status, ways_for_people
from shopsite.fulfilment import (
    ForbiddenMove,
    InvalidRefund,
    UnknownOrder,
    cancel_order,
    deliver_order,
    pack_order,
    refund_order,
    ship_order,
)
from shopsite.orderdesk.forms import AmountForm, CarrierForm, ShipForm, WhyForm
from shopsite.staff.services import record

REFUSALS = (ForbiddenMove, InvalidRefund, UnknownOrder)


@dataclass(frozen=True)
class Step:
    """One thing that is done with an order."""

    name: str  # of the action: services.ACTIONS has it
    verb: str
    done: str  # "3 packed"
    permission: str
    leads_to: tuple[Status, ...]  # one of them must be allowed from where the order stands
    service: Callable[..., Order]
    asks: type[forms.Form] | None = None  # before it is done
    also_from: tuple[Status, ...] = ()  # by way of another state
    asks_of_one: type[forms.Form] | None = None  # what can be said of one order only
    is_harm: bool = False  # something is taken from somebody: its button is red

    @property
    def form(self) -> type[forms.Form] | None:
        """What is asked on an order's own page."""
        return self.asks_of_one or self.asks

    def fits(self, order: Order) -> bool:
        """Whether the order may take it from where it stands."""
        return order.status in self.also_from or bool(
            ways_for_people(order.status).intersection(self.leads_to)
        )

    def allowed(self, request: HttpRequest) -> bool:
        """Whether this person may take it."""
        return request.user.has_perm(self.permission)


# What can't be called back asks first: a shopper is written to, money moves, or the order leaves every queue.
# Packing is done at one press, though no way leads back: nothing has left the house, nobody is written to,
# and what was packed by mistake can still be refunded. A form without fields asks for a yes only.
STEPS: Mapping[str, Step] = {
    step.name: step
    for step in (
        Step("pack", "Pack", "packed", "orders.fulfil_order", (Status.PACKED,), pack_order),
        Step(
            "ship", "Ship", "shipped", "orders.fulfil_order", (Status.SHIPPED,), ship_order,
            CarrierForm, asks_of_one=ShipForm,
        ),
        Step(
            "deliver", "Deliver", "delivered", "orders.fulfil_order", (Status.DELIVERED,), deliver_order,
            forms.Form,
        ),
        Step(
            "cancel", "Cancel", "cancelled", "orders.cancel_order", (Status.CANCELLED,), cancel_order,
            WhyForm, (Status.PAID,), is_harm=True,
        ),
        Step(
            "refund", "Refund", "to be refunded", "orders.refund_order", (Status.REFUND_PENDING,),
            refund_order, AmountForm, is_harm=True,
        ),
    )
}  # fmt: skip


def take(step: Step, order_id: str, actor: str, **facts: Any) -> None:
    """Do it and write it down, or write down that it was refused. Raises one of REFUSALS."""
    why = str(facts.get("why", ""))
    try:
        with transaction.atomic():
            order = step.service(order_id=order_id, actor=actor, **facts)
            what = f"now {order.get_status_display().lower()}{_detail(facts)}"
            _write(step, order_id, actor, what, why, done=True)
    except REFUSALS as error:
        _write(step, order_id, actor, str(error), why, done=False)
        raise


def _detail(facts: Mapping[str, Any]) -> str:
    parts = [f"amount {facts['amount']}"] if facts.get("amount") is not None else []
    parts += [f"{name} {facts[name]}" for name in ("carrier", "tracking") if facts.get(name)]
    parts += [f"{count} of line {line}" for line, count in (facts.get("lines") or {}).items()]
    return f"; {', '.join(parts)}" if parts else ""


def _write(step: Step, order_id: str, actor: str, what: str, why: str, *, done: bool) -> None:
    record(actor=actor, action=step.name, kind="order", object_id=order_id, what=what, why=why, done=done)
