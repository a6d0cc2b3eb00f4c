"""Many buy at once, in processes of their own: nothing is oversold, nobody waits for ever."""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence

import pytest

from inventory.services import StockMoved, reserve_many
from orders.models import Order
from shopsite.fulfilment import foreign, handle_orders, place
from tests.support import child_env
from tests.support.messages import order_message
from tests.support.shop import level, product, stock_is_sound
from tests.support.shop import place as buy

pytestmark = pytest.mark.django_db(transaction=True)
BUYERS = 4


def rush(carts: Sequence[str], tries: int) -> Counter[str]:
    """What one process for each cart (products with commas between) says of its tries."""
    command = [sys.executable, "-m", "tests.support.rush"]
    env = child_env(DJANGO_SETTINGS_MODULE="shopsite.settings")
    pipe = subprocess.PIPE
    buyers = [
        subprocess.Popen([*command, cart, str(tries)], stdin=pipe, stdout=pipe, text=True, env=env)
        for cart in carts
    ]
    for buyer in buyers:
        assert buyer.stdout is not None
        assert buyer.stdout.readline() == "ready\n"
    for buyer in buyers:  # all are ready: now they run against each other
        assert buyer.stdin is not None
        buyer.stdin.write("go\n")
        buyer.stdin.flush()
    said: Counter[str] = Counter()
    for buyer in buyers:
        said.update(buyer.communicate(timeout=120)[0].split())
        assert buyer.returncode == 0
    return said


def test_of_five_units_exactly_five_are_sold_however_many_run_for_them() -> None:
    product("MUG", 5)
    said = rush(["MUG"] * BUYERS, tries=4)
    assert said == {"sold": 5, "short": 11}
    assert level("MUG") == (5, 5)
    assert Order.objects.count() == 5
    assert stock_is_sound()


def test_carts_in_opposite_orders_do_not_wait_for_each_other() -> None:
    for sku in ("A", "B", "C"):
        product(sku, 20)
    said = rush(["A,B,C", "C,B,A", "B,A,C", "C,A,B"], tries=8)
    assert said == {"sold": 20, "short": 12}
    assert stock_is_sound()


def test_without_the_guard_of_the_update_stock_would_be_oversold(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard is needed: the same in one process, with the condition taken away."""
    product("MUG", 1)
    monkeypatch.setattr("inventory.services._take", lambda _sku, _count: 1)
    buy({"MUG": 1})
    buy({"MUG": 1})
    assert not stock_is_sound()


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
    assert stock_is_sound()
