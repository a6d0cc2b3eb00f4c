"""Orders to measure on: the same for the same seed, sound, and never by accident in a real shop."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inventory.reconcile import differences
from orders.models import Order, Payment, Transition
from orders.states import check
from tests.support.shop import place, product

pytestmark = pytest.mark.django_db


def fill(**options: Any) -> str:
    out = StringIO()
    call_command("fill_orders", stdout=out, **options)
    return out.getvalue()


def test_the_same_seed_makes_the_same_orders() -> None:
    product("MUG", 5)
    product("CUP", 5)
    assert "200 orders of seed 7" in fill(orders=200, seed=7)
    facts = ("pk", "email", "amount", "status")
    first = set(Order.objects.values_list(*facts))
    Payment.objects.all().delete()
    Order.objects.all().delete()
    fill(orders=200, seed=7)
    assert set(Order.objects.values_list(*facts)) == first


def test_every_history_goes_along_the_table_and_ends_where_the_order_stands() -> None:
    product("MUG", 5)
    product("CUP", 5)
    product("CAP", 5)
    fill(orders=500, seed=1)
    last: dict[str, str] = {}
    for row in Transition.objects.order_by("pk"):
        assert row.from_status == last.get(row.order_id, "")
        check(row.order_id, row.from_status, row.to_status)
        last[row.order_id] = row.to_status
    assert last == dict(Order.objects.values_list("pk", "status"))


def test_a_database_with_real_orders_is_left_alone_unless_asked_twice() -> None:
    product("MUG", 5)
    product("CUP", 5)
    product("CAP", 5)
    place({"MUG": 1})
    with pytest.raises(CommandError, match="real orders"):
        fill(orders=10, seed=1)
    assert Order.objects.count() == 1
    fill(orders=10, seed=1, yes=True)
    assert Order.objects.count() == 11


def test_a_seed_is_used_once() -> None:
    for sku in ("MUG", "CUP", "CAP"):
        product(sku, 5)
    fill(orders=10, seed=1)
    with pytest.raises(CommandError, match="another --seed"):
        fill(orders=10, seed=1)


def test_an_empty_catalogue_is_told() -> None:
    with pytest.raises(CommandError, match="seed"):
        fill(orders=10, seed=1)


def test_stock_stays_proved() -> None:
    for sku in ("MUG", "CUP", "CAP"):
        product(sku, 5)
    fill(orders=50, seed=1)
    assert differences() == []
