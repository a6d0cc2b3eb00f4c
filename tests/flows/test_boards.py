"""What dashboards show of orders and stock, in queries whose number does not grow."""

import pytest
from pytest_django import DjangoAssertNumQueries

from orders.models import Order
from shopsite import boards
from shopsite.fulfilment import charge, handle_orders
from tests.support.messages import order_message
from tests.support.shop import DECLINED, paid, place, product, read_back

pytestmark = pytest.mark.django_db


def test_orders_are_counted_by_status_with_the_time_of_the_one_that_waits_longest() -> None:
    product("MUG", 9)
    first, _ = paid({"MUG": 1}), paid({"MUG": 1})
    place({"MUG": 1})
    rows = {row.status: row for row in boards.order_pipeline()}
    assert {status: row.count for status, row in rows.items() if row.count} == {"placed": 1, "paid": 2}
    assert rows["paid"].oldest_at == Order.objects.get(pk=first.pk).changed_at
    assert not rows["paid"].capped
    assert rows["shipped"].oldest_at is None


def test_counts_end_at_a_limit_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "MAX_COUNTED", 2)
    product("MUG", 9)
    for _ in range(3):
        place({"MUG": 1})
    (row,) = (row for row in boards.order_pipeline() if row.count)
    assert (row.count, row.capped) == (2, True)


def test_attention_names_failed_payments_and_what_is_short(
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    product("MUG", 6)
    product("TEE", 50)
    product("CAP", 1)
    handle_orders(
        [
            order_message(
                order_id="i", user_id="u", product_ids=["CAP"], quantities=[3], amount=1, status="paid"
            )
        ]
    )
    failed = place({"TEE": 1}, card=DECLINED)
    read_back(failed)
    charge(failed.pk)
    place({"MUG": 2})
    with django_assert_max_num_queries(5):
        found = boards.attention()
    assert (found.payment_failed, found.paid_unfulfillable, found.below_zero) == (1, 1, 1)
    assert found.low_stock_count == 2
    assert [(short.product_id, short.on_hand, short.available) for short in found.low_stock] == [
        ("CAP", -2, -2),
        ("MUG", 6, 4),
    ]
    stock = boards.stock_of(["MUG", "nothing"])
    assert (stock["MUG"].available, stock["MUG"].low, stock["nothing"].tracked) == (4, True, False)
