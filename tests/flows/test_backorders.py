"""Orders that waited for stock are filled when it comes, oldest first."""

import pytest

from inventory.models import Level
from orders.models import Order
from orders.states import ForbiddenMove
from shopsite.fulfilment import charge, fill_backorders, handle_orders, handle_stock, pay_again
from tests.support.messages import order_message, stock_message
from tests.support.shop import APPROVED, level, product, stock_is_sound

pytestmark = pytest.mark.django_db


def test_backorders_are_filled_oldest_first_and_none_overtakes() -> None:
    product("MUG", 0)
    Level.objects.update(backorders=True)
    for order_id, count in (("a", 2), ("b", 5), ("c", 1)):
        handle_orders(
            [order_message(order_id=order_id, user_id="u", product_ids=["MUG"], quantities=[count], amount=1)]
        )
    assert fill_backorders() == 0
    handle_stock([stock_message(product_id="MUG", quantity_change=4, reason="delivery")])
    assert fill_backorders() == 1
    assert dict(Order.objects.values_list("pk", "status")) == {
        "a": "placed",
        "b": "backordered",
        "c": "backordered",
    }
    charge("a")
    assert Order.objects.get(pk="a").status == "paid"
    handle_stock([stock_message(product_id="MUG", quantity_change=4, reason="delivery")])
    assert fill_backorders() == 2
    assert level("MUG") == (6, 6)
    assert stock_is_sound()


def test_a_card_does_not_fill_a_backorder() -> None:
    product("MUG", 0)
    Level.objects.update(backorders=True)
    handle_orders([order_message(order_id="a", user_id="u", product_ids=["MUG"], quantities=[1], amount=1)])
    handle_stock([stock_message(product_id="MUG", quantity_change=4, reason="delivery")])
    with pytest.raises(ForbiddenMove, match="only where a payment has failed"):
        pay_again(order_id="a", card=APPROVED)
    assert Order.objects.get().status == "backordered"
    assert fill_backorders() == 1
