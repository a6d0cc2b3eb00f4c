"""One product's page of figures, from recorded events to what it shows."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest
import redis as redis_package
from django.core.cache import cache
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from dashboards.answers import kept
from dashboards.board import register_board
from dashboards.reports.period import BadRange, read_period
from dashboards.reports.selectors import rfc3339
from dashboards.screen.live import product_page
from shopsite import boards
from tests.flows.test_answers_page import staff
from tests.support.aggregates import click, log_of, numbered, paid, writer_of
from tests.support.shop import product

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
NOW = datetime.now(UTC).replace(second=30, microsecond=0)
TODAY = NOW.replace(hour=0, minute=0, second=0)
ADDRESS = "/dashboard/product/MUG/"


@pytest.fixture(autouse=True)
def _shop(settings: Settings) -> Iterator[None]:
    settings.SHOP_TIME_ZONE = settings.TIME_ZONE = "UTC"
    register_board(boards)
    cache.clear()
    yield
    cache.clear()


def ago(**span: float) -> str:
    return rfc3339(NOW - timedelta(**span))


def fill(redis: Redis) -> None:
    """Three days ago five views, two carts, three sold; now three views of the mug and one of a tray."""
    then = [click(f"u{n}", "MUG", ago(days=3)) for n in range(5)]
    then += [click(f"u{n}", "MUG", ago(days=3), type="add_to_cart") for n in range(2)]
    now = [click(f"u{n}", "MUG", rfc3339(NOW)) for n in range(3)] + [click("u", "TRAY", rfc3339(NOW))]
    week = [click(f"w{n}", "MUG", ago(days=7)) for n in range(2)]
    log_of("clicks-0", week + then + now).fold(writer_of(redis), now=NOW)
    lines = [{"product_id": "MUG", "quantity": 3, "price": "4.50"}, {"product_id": "TRAY", "quantity": 1}]
    sale = paid("1", "20", at=ago(days=3), currency="EUR", lines=lines)
    numbered("orders-0", [sale]).fold(writer_of(redis), now=NOW)


def course(page: str) -> dict[str, Any]:
    found = re.search(r'data-made="([^"]*)"', page)
    assert found
    return dict(json.loads(unescape(found[1])))


def test_recorded_events_stand_on_the_page_to_the_unit(redis: Redis) -> None:
    fill(redis)
    product("MUG", 30)
    page = staff().get(f"{ADDRESS}?range=7d&grain=day").content.decode()
    drawn = course(page)

    rows = {row[0][:10]: row[1:] for row in drawn["csv"][1:]}
    assert rows[(NOW - timedelta(days=3)).date().isoformat()] == [5, 2, 3, 13.5]
    assert rows[NOW.date().isoformat()] == [3, 0, 0, 0.0]
    assert ["5", "2", "3", "13.50"] in [row[1:] for row in drawn["rows"]]
    assert len(rows) == 7
    views, carts, units = (trace["y"] for trace in drawn["figures"]["dark"]["chart"]["data"])
    assert (sum(views), sum(carts), sum(units)) == (8, 2, 3)
    views_today = page.split("<h2>Views")[1].split("</article>")[0]
    assert re.findall(r"<(?:span|b) data-told=[^>]*>(\d+)", views_today)[:3] == ["3", "2", "3"]
    assert "+50 %" in views_today
    stock = " ".join(re.sub("<[^>]*>", " ", page.split('id="h-stock"')[1].split("</section>")[0]).split())
    assert "On hand 30 Reserved 0 Available 30 Sells out in not in sight" in stock
    assert "opening" in page


def test_the_range_has_its_sums_whatever_the_grain(redis: Redis) -> None:
    fill(redis)
    product("MUG")
    client = staff()
    day = (NOW - timedelta(days=3)).date()
    for grain in ("hour", "day"):
        rows = course(client.get(f"{ADDRESS}?from={day}&to={day}&grain={grain}").content.decode())["csv"][1:]
        assert [sum(row[place] for row in rows) for place in (1, 2, 3)] == [5, 2, 3]


def test_a_product_from_events_alone_has_a_page_and_one_from_nowhere_a_404_in_words(redis: Redis) -> None:
    fill(redis)
    client = staff()
    assert "known from events only" in client.get("/dashboard/product/TRAY/").content.decode()
    answer = client.get("/dashboard/product/NONE/")
    assert answer.status_code == 404
    assert "No product has the number NONE" in answer.content.decode()


def test_an_id_of_any_letters_has_its_page(redis: Redis) -> None:
    product("a/b?c#d_ü&<i>", 2)
    page = staff().get(quote(product_page("a/b?c#d_ü&<i>"), safe="/%"))
    assert page.status_code == 200
    assert "The a/b?c#d_ü&amp;&lt;i&gt;" in page.content.decode()


def test_without_events_or_redis_the_page_says_so(redis: Redis, settings: Settings) -> None:
    product("MUG", 3)
    client = staff()
    page = client.get(ADDRESS).content.decode()
    assert "Nobody looked at it" in page
    assert "Nothing was bought with it twice" in page
    cache.clear()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    page = client.get(ADDRESS).content.decode()
    assert "Redis does not answer" in page
    assert "On hand" in page


def test_what_goes_with_it_and_whether_it_trends_is_told(redis: Redis) -> None:
    product("MUG", 9)
    product("TRAY")
    lines = [{"product_id": sku, "quantity": 1, "price": "5"} for sku in ("MUG", "TRAY")]
    sales = [paid(f"b{n}", "10", at=ago(hours=3), lines=lines) for n in range(3)]
    other = [{"product_id": "LAMP", "quantity": 1}]
    sales += [paid(f"l{n}", "9", at=ago(days=3), lines=other) for n in range(9)]
    numbered("orders-0", sales).fold(writer_of(redis), now=NOW)
    views = [click(f"o{n}", "LAMP", ago(days=2)) for n in range(50)]
    views += [click(f"n{n}", "MUG", ago(minutes=5)) for n in range(20)]
    log_of("clicks-0", views).fold(writer_of(redis), now=NOW)
    kept.refresh(NOW)
    page = staff().get(ADDRESS).content.decode()
    assert "The TRAY" in page.split("Bought together")[1]
    assert ">20</span> views in the last hour" in page


def test_a_page_costs_few_queries_and_at_most_three_a_day_of_its_range(
    redis: Redis, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    fill(redis)
    product("MUG", 30)
    client = staff()
    few = 40  # at any hour: until six, today is drawn by minutes, which are read sixty at a time
    for asked, most in (("", few), ("?range=yesterday", few), ("?range=30d&grain=day", few + 3 * 30)):
        cache.clear()
        with django_assert_max_num_queries(most):
            client.get(f"{ADDRESS}{asked}")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"from": "2024-06-02", "to": "2024-06-01"}, "is not before"),
        ({"from": "2999-01-01"}, "is not before now"),
        ({"from": "2999-01-01", "to": "2999-01-02"}, "lies ahead"),
        ({"from": "1924-01-01", "to": "2024-01-01"}, "longer than five years"),
        ({"from": "yesterday"}, "is no day like"),
        ({"from": "0001-01-01", "to": "9999-12-31"}, "is no day like"),
        ({"to": "2024-01-01"}, "has no from"),
        ({"range": "<b>"}, "is none of"),
        ({"range": "30d", "grain": "minute"}, "take a coarser grain"),
        ({"grain": "second"}, "is none of"),
        ({"compare": "moon"}, "is compared with"),
    ],
)
def test_a_range_that_is_none_is_told_in_words(asked: dict[str, str], words: str) -> None:
    with pytest.raises(BadRange, match=words):
        read_period(asked, NOW)


def test_a_bad_range_is_said_on_the_page(redis: Redis) -> None:
    product("MUG")
    answer = staff().get(f"{ADDRESS}?from=2024-06-02&to=2024-06-01")
    assert answer.status_code == 400
    assert "is not before 2024-06-01. Today is shown instead." in answer.content.decode()
