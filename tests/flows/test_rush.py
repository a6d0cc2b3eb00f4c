"""Many buy at once, in processes and threads of their own: nothing is oversold, nobody waits for ever.

The whole of it by hand: SHOP_RUSH_ROUNDS=200 pytest tests/flows/test_rush.py.
"""

import os
from collections.abc import Iterator
from itertools import cycle, islice, permutations

import pytest
from django.db import connection

from inventory.services import StockMoved, reserve_many
from orders.models import Order
from shopsite.fulfilment import foreign, handle_orders, place
from tests.support.laws import breaches
from tests.support.messages import order_message
from tests.support.rush import Rush, rush
from tests.support.shop import level, product

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = int(os.environ.get("SHOP_RUSH_ROUNDS", "4"))
BUYERS = 32
PATIENCE = 10.0  # seconds


@pytest.fixture(scope="module")
def buyers(django_db_setup: None) -> Iterator[Rush]:
    """Those who buy in this file, in processes that start once."""
    with rush() as all_of_them:
        yield all_of_them


def deadlocks() -> int:
    """How often PostgreSQL had to end a deadlock in this database so far; SQLite has one writer, so none."""
    if connection.vendor != "postgresql":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


def test_of_five_units_exactly_five_are_sold_however_many_run_for_them(buyers: Rush) -> None:
    for number in range(ROUNDS):
        product(f"MUG-{number}", 5)
        done = buyers.run([[f"MUG-{number}"]] * BUYERS)
        assert done.said == {"sold": 5, "short": 27}
        assert done.longest < PATIENCE
        assert level(f"MUG-{number}") == (5, 5)
    assert Order.objects.count() == 5 * ROUNDS
    assert breaches() == []


def test_carts_in_opposite_orders_do_not_wait_for_each_other(buyers: Rush) -> None:
    before = deadlocks()
    for number in range(ROUNDS):
        skus = [f"{letter}-{number}" for letter in "ABC"]
        for sku in skus:
            product(sku, 20)
        done = buyers.run([list(cart) for cart in islice(cycle(permutations(skus)), BUYERS)])
        assert done.said == {"sold": 20, "short": 12}
        assert done.longest < PATIENCE
    assert deadlocks() == before
    assert breaches() == []


def test_shoppers_and_batches_of_other_systems_do_not_wait_for_each_other(buyers: Rush) -> None:
    before = deadlocks()
    for number in range(ROUNDS):
        first, last = f"A-{number}", f"B-{number}"
        for sku in (first, last):
            product(sku, 100)
        # the batch reserves the last and sells the first, shoppers want both
        batch = {"batch": [(last, None), (first, "paid")]}
        done = buyers.run([batch if buyer % 4 == 0 else [first, last] for buyer in range(BUYERS)])
        assert done.said == {"sold": 24, "handled": 8}
        assert done.longest < PATIENCE
    assert deadlocks() == before
    assert breaches() == []


def test_a_batch_that_a_shopper_overtakes_decides_again(monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 2)
    reserved: list[dict[str, dict[str, int]]] = []

    def overtaken(wanted: dict[str, dict[str, int]], **options: object) -> None:
        if not reserved:
            reserved.append(wanted)
            raise StockMoved("MUG")
        reserve_many(wanted, until=place.keep_until())

    monkeypatch.setattr(foreign, "reserve_many", overtaken)
    handle_orders([order_message(order_id="a", user_id="u", product_ids=["MUG"], quantities=[2], amount=1)])
    assert Order.objects.get().status == "placed"
    assert level("MUG") == (2, 2)
    assert breaches() == []
