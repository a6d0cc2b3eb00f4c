"""What needs orders and stock in one transaction. Storefront, pipeline, tasks, admin -> here."""

from inventory.services import OutOfStock, Shortfall
from orders.payments.simulated import TEST_CARDS, TestCard
from orders.services import UnknownOrder
from orders.states import ForbiddenMove
from shopsite.fulfilment.place import Buyer, CartLine, InvalidCart, new_order_id, place_order

__all__ = [
    "TEST_CARDS",
    "Buyer",
    "CartLine",
    "ForbiddenMove",
    "InvalidCart",
    "OutOfStock",
    "Shortfall",
    "TestCard",
    "UnknownOrder",
    "new_order_id",
    "place_order",
]
