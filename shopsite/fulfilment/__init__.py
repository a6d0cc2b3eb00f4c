"""What needs orders and stock in one transaction. Storefront, pipeline, tasks, admin -> here."""

from inventory.services import OutOfStock, Shortfall
from orders.payments.cards import TEST_CARDS, TestCard
from orders.services import UnknownOrder
from orders.states import ForbiddenMove
from shopsite.fulfilment.accounts import Reconciled, reconcile_payments
from shopsite.fulfilment.backorders import fill_backorders
from shopsite.fulfilment.charging import charge, charge_due, charging_along
from shopsite.fulfilment.foreign import handle_orders
from shopsite.fulfilment.leases import due_charges
from shopsite.fulfilment.pay import BeingPaid, look_after, pay_again
from shopsite.fulfilment.place import Buyer, CartLine, InvalidCart, new_order_id, place_order
from shopsite.fulfilment.refund import InvalidRefund, give_due, give_refund, plan_refund, refund_order
from shopsite.fulfilment.steps import (
    cancel_order,
    deliver_order,
    expire_reservations,
    pack_order,
    ship_order,
)
from shopsite.fulfilment.stock import handle_stock
from shopsite.fulfilment.webhooks import receive_webhook, trim_webhooks, was_refused

__all__ = [
    "TEST_CARDS",
    "BeingPaid",
    "Buyer",
    "CartLine",
    "ForbiddenMove",
    "InvalidCart",
    "InvalidRefund",
    "OutOfStock",
    "Reconciled",
    "Shortfall",
    "TestCard",
    "UnknownOrder",
    "cancel_order",
    "charge",
    "charge_due",
    "charging_along",
    "deliver_order",
    "due_charges",
    "expire_reservations",
    "fill_backorders",
    "give_due",
    "give_refund",
    "handle_orders",
    "handle_stock",
    "look_after",
    "new_order_id",
    "pack_order",
    "pay_again",
    "place_order",
    "plan_refund",
    "receive_webhook",
    "reconcile_payments",
    "refund_order",
    "ship_order",
    "trim_webhooks",
    "was_refused",
]
