"""How fast products sell and when they are sold out: from the ledger, with a floor on evidence."""

from datetime import UTC, datetime, timedelta
from math import isclose, sqrt

import pytest
from pytest_django import DjangoAssertNumQueries

from inventory.outlook import Outlook, outlook
from inventory.services import Move, ensure_levels, post
from tests.support.shop import product

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def sells(sku: str, *units: int, hours: float, stock: int = 1000, opened_hours: float = 1000.0) -> Outlook:
    """The outlook of a product that had this stock, and sold these orders evenly over the last hours."""
    product(sku)
    ensure_levels([sku])
    step = timedelta(hours=hours) / len(units) if units else timedelta()
    opening = Move(f"{sku}-0", sku, stock, "opening", "t", NOW - timedelta(hours=opened_hours))
    sales = [
        Move(f"{sku}-{number + 1}", sku, -count, "sale", "t", NOW - number * step)
        for number, count in enumerate(units)
    ]
    post([opening, *sales], track=[sku])
    return outlook([sku], now=NOW)[sku]


def test_a_steady_seller_is_sold_out_when_its_rate_says() -> None:
    seen = sells("MUG", *[2] * 30, hours=1, stock=180)
    assert (seen.available, seen.sales, seen.hours) == (120, 30, 1.0)
    assert seen.per_hour == 60
    assert seen.minutes_left == 120
    assert seen.error == sqrt(30 * 4)
    assert seen.soonest is not None and seen.latest is not None
    assert seen.soonest < 120 < seen.latest


def test_large_orders_make_a_rate_less_certain() -> None:
    many, few = sells("A", *[1] * 60, hours=1), sells("B", *[5] * 12, hours=1)
    assert many.per_hour == few.per_hour == 60
    assert many.error and few.error and few.error > 2 * many.error


@pytest.mark.parametrize(("hours", "window"), [(1, 1), (5, 6), (20, 24), (100, 168)])
def test_the_shortest_window_with_enough_sales_is_taken(hours: float, window: float) -> None:
    assert sells("MUG", *[1] * 12, hours=hours).hours == window


def test_a_hot_hour_is_not_drowned_in_a_quiet_week() -> None:
    seen = sells("MUG", *[1] * 40, hours=0.5)
    assert seen.per_hour == 40


def test_too_few_sales_say_nothing() -> None:
    seen = sells("MUG", 1, 1, hours=50)
    assert (seen.sales, seen.per_hour, seen.minutes_left) == (2, None, None)


def test_a_few_sales_in_a_week_say_a_little() -> None:
    seen = sells("MUG", 1, 1, 1, hours=50, stock=10)
    assert seen.per_hour is not None and isclose(seen.per_hour, 3 / 168)
    assert seen.latest is None  # it may sell as good as never


def test_a_new_product_is_judged_by_the_time_it_was_there() -> None:
    assert sells("MUG", *[1] * 10, hours=0.4, opened_hours=0.5).per_hour == 20
    assert sells("CUP", *[1] * 10, hours=0.01, opened_hours=0.02).hours == pytest.approx(1 / 6)


def test_what_came_back_or_went_otherwise_is_no_sale() -> None:
    product("MUG", 0 + 50)
    post([Move(str(n), "MUG", -1, "damage", "t", NOW) for n in range(20)])
    assert outlook(["MUG"], now=NOW)["MUG"].per_hour is None


def test_what_is_gone_is_gone_now_and_what_nobody_counts_never_ends() -> None:
    assert sells("MUG", *[1] * 20, hours=1, stock=20).minutes_left == 0
    product("EBOOK")
    ensure_levels(["EBOOK"])
    post([Move(f"e{n}", "EBOOK", -1, "sale", "t", NOW) for n in range(20)])
    assert outlook(["EBOOK"], now=NOW)["EBOOK"].minutes_left is None


def test_any_number_of_products_is_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for sku in ("A", "B", "C"):
        sells(sku, *[1] * 10, hours=1)
    with django_assert_num_queries(1):
        seen = outlook(["A", "B", "C", "nope"], now=NOW)
    assert seen.keys() == {"A", "B", "C"}
