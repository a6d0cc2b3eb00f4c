"""What a step would do, in sentences, before it is done. pages, admin -> here -> templates.

Nothing is written: plan_refund and the reservations say what would come of it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from inventory.selectors import kept_for
from orders import letters
from orders.models import Order
from orders.money import money_text
from orders.states import UNPAID, Status
from shopsite.fulfilment import InvalidRefund, plan_refund
from shopsite.orderdesk.steps import Step

NOBODY = "Nobody is written to."


def effects(step: Step, order: Order, facts: Mapping[str, Any] | None = None) -> list[str]:
    """What this step would do to an order; facts: what a refund's form says, besides why."""
    return effects_of_each(step, [order], facts)[order.pk]


def effects_of_each(
    step: Step, orders: Iterable[Order], facts: Mapping[str, Any] | None = None
) -> dict[str, list[str]]:
    """The same for many orders, whose payments and lines are loaded: one query more."""
    chosen = list(orders)
    kept = kept_for(order.pk for order in chosen if order.status in UNPAID)
    return {order.pk: _told(step, order, kept.get(order.pk, 0), facts or {}) for order in chosen}


def _told(step: Step, order: Order, kept: int, facts: Mapping[str, Any]) -> list[str]:
    if not step.fits(order):
        return [f"Nothing: it is {order.get_status_display().lower()}, and will be refused."]
    if step.name == "pack":
        return ["The shopper can't cancel it any more; it can still be refunded.", NOBODY]
    if step.name == "ship":
        return [_mailed(order, letters.SHIPPED)]
    if step.name == "deliver":
        return ["It is over, and waits in no queue any more; it can still be refunded.", NOBODY]
    if step.name == "refund" or order.status == Status.PAID:
        return _refunded(order, facts)
    freed = f"{_units(kept)} kept for it can be sold to others." if kept else "No stock is kept for it."
    return ["Nothing was charged, so no money goes back.", freed, _mailed(order, letters.CANCELLED)]


def _refunded(order: Order, facts: Mapping[str, Any]) -> list[str]:
    try:
        plan = plan_refund(order, **facts)
    except InvalidRefund as error:
        return [f"Nothing, it will be refused: {error}"]
    back, left = sum(plan.back.values()), plan.payment.amount - plan.payment.refunded - plan.amount
    card = f"the card ending {plan.payment.last4}" if plan.payment.last4 else "where it was paid from"
    rest = f"; {money_text(left, order.currency)} can still be refunded" if left else ", all that is left"
    shelf = f"{_units(back)} back on the shelf, for others to buy." if back else "No stock changes."
    mail = _mailed(order, letters.REFUNDED)
    return [f"{money_text(plan.amount, order.currency)} goes back to {card}{rest}.", shelf, mail]


def _units(count: int) -> str:
    return "1 unit is" if count == 1 else f"{count:,} units are"


def _mailed(order: Order, kind: str) -> str:
    if order.elsewhere or not order.email:
        return "Nobody is written to: " + (
            "it was bought elsewhere." if order.elsewhere else "no e-mail address is known."
        )
    return f"{order.email} is written to: “{letters.subject_of(order.pk, kind)}”."
