"""The live page of a range: exact figures beside those of another range, and words where there is none."""

import json
import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
import redis as redis_package
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboards.reports.period import read_period
from dashboards.reports.selectors import report
from tests.flows.test_answers_page import staff
from tests.support.aggregates import click, log_of, numbered, paid, writer_of
from tests.support.shop import product

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
DAY = "/dashboard/?from=2024-06-18&to=2024-06-18"


@pytest.fixture(autouse=True)
def _shop(settings: Settings) -> Iterator[None]:
    settings.SHOP_TIME_ZONE = settings.TIME_ZONE = "Europe/Berlin"
    cache.clear()
    yield
    cache.clear()


def fill(redis: Redis) -> None:
    """18 June by Berlin's clock: 4 look and one buys two mugs; a week before 2 look and one buys one."""
    views = [click(f"u{n}", "MUG", "2024-06-17T22:30:00Z", country="DE") for n in range(4)]
    views += [click("late", "MUG", "2024-06-18T22:00:00Z")]  # midnight in Berlin: the next day
    before = [click(f"b{n}", "MUG", "2024-06-11T10:00:00Z", country="DE") for n in range(2)]
    log_of("clicks-0", before + views).fold(writer_of(redis))

    def sale(order: str, at: str, amount: str, count: int) -> dict[str, object]:
        line = {"product_id": "MUG", "quantity": count, "price": "12.50"}
        return paid(order, amount, at=at, currency="EUR", user_id="u0", lines=[line])

    sales = [sale("1", "2024-06-11T10:05:00Z", "12.50", 1), sale("2", "2024-06-18T10:05:00Z", "25.00", 2)]
    numbered("orders-0", sales).fold(writer_of(redis))
    product("MUG")


def text(client: Client, address: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", client.get(address).content.decode()).split())


def made(client: Client, address: str, place: int = 0) -> dict[str, Any]:
    found = re.findall(r'data-made="([^"]*)"', client.get(address).content.decode())
    return dict(json.loads(unescape(found[place])))


def test_a_day_of_the_shops_zone_stands_beside_the_week_before(redis: Redis) -> None:
    fill(redis)
    client = staff()
    page = text(client, f"{DAY}&compare=week")
    assert "Visitors in the range 4 up 33 % was 3" in page
    assert "Sales in the range 25.00 EUR up 100 % was 12.50" in page
    assert "Orders in the range 1 was 1" in page
    assert "Conversion in the range 25.0 % down 25.0 pt was 50.0" in page
    assert "Average order in the range 25.00 EUR" in page
    assert "The MUG 4 0 2 25.00 EUR" in page
    assert "DE 4 +100 %" in page
    assert "Needs attention – is known of now only" in page
    assert "Tue 18 Jun 2024, 00:00 to Wed 19 Jun 2024, 00:00" in page

    pulse = made(client, f"{DAY}&compare=week")
    assert pulse["csv"][1] == ["2024-06-17T22:00:00+00:00", 4, 0, 0, 0, 0.0, 0.0]
    assert [sum(row[place] for row in pulse["csv"][1:]) for place in range(1, 7)] == [4, 2, 1, 1, 25.0, 12.5]
    ghost, clicks, _, bars = pulse["figures"]["light"]["chart"]["data"]
    assert (sum(ghost["y"]), sum(clicks["y"]), sum(bars["y"])) == (2, 4, 1)


def test_revenue_is_a_chart_of_its_own_beside_what_it_was(redis: Redis) -> None:
    fill(redis)
    client = staff()
    revenue = made(client, f"{DAY}&compare=week", 2)
    assert revenue["heads"] == ["When", "Revenue EUR", "then"]
    was, now = revenue["figures"]["light"]["chart"]["data"]
    assert (sum(was["y"]), sum(now["y"])) == (12.5, 25.0)
    assert [sum(row[place] for row in revenue["csv"][1:]) for place in (1, 2)] == [25.0, 12.5]
    alone = made(client, DAY, 2)
    assert alone["heads"] == ["When", "Revenue EUR"]
    assert sum(row[1] for row in alone["csv"][1:]) == 25.0


def test_searches_and_paths_are_listed_and_not_under_a_filter(redis: Redis) -> None:
    at, site = "2024-06-18T10:00:00Z", "https://shop.test"
    looks = [click("u", "MUG", at, type="search", search="Red Mug", path="/search") for _ in range(2)]
    steps = [click("u", "MUG", at, path="/p/MUG/", referrer=f"{site}/search", site="shop.test")]
    product("MUG")
    log_of("clicks-0", looks + steps).fold(writer_of(redis))
    client = staff()
    page = text(client, DAY)
    assert "Searches Clicks Change red mug 2" in page
    assert "Paths Clicks Change Search → The MUG 1" in page
    filtered = text(client, f"{DAY}&country=DE")
    assert "Searches Not split by country. Paths Not split by country." in filtered


def test_the_page_says_what_the_report_says(redis: Redis) -> None:
    fill(redis)
    page = text(staff(), "/dashboard/?from=2024-06-10&to=2024-06-20")
    asked = read_period({"from": "2024-06-10", "to": "2024-06-20"}, timezone.now())
    found = report(redis, asked.start, asked.end)
    assert f"Visitors in the range {found.visitors} beside nothing" in page
    assert f"Sales in the range {found.revenue['EUR']} EUR" in page


@pytest.mark.parametrize("compare", ["previous", "year"])
def test_nothing_then_is_said(redis: Redis, compare: str) -> None:
    fill(redis)
    page = text(staff(), f"{DAY}&compare={compare}")
    assert "Visitors in the range 4 was 0" in page


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("from=2024-06-19&to=2024-06-18", "is not before"),
        ("from=2999-01-01&to=2999-01-02", "lies ahead"),
        ("from=1924-01-01&to=2024-01-01", "longer than five years"),
        ("from=%00&to=x", "is no day"),
        ("range=ever", "is none of"),
        ("range=today&compare=moon", "is compared with"),
    ],
)
def test_a_bad_range_is_a_message(redis: Redis, asked: str, words: str) -> None:
    answer = staff().get(f"/dashboard/?{asked}")
    assert answer.status_code == 400
    assert "There is nothing to show." in answer.content.decode()
    assert words in answer.content.decode()


def test_an_empty_range_and_a_lost_redis_are_said(redis: Redis, settings: Settings) -> None:
    client = staff()
    assert "Nobody clicked or bought in this range" in text(client, DAY)
    drawn = made(client, DAY)["figures"]["light"]["chart"]["layout"]
    assert [drawn[axis]["dtick"] for axis in ("yaxis", "yaxis2")] == [1, 3], "no half of a click"
    cache.clear()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "Redis does not answer" in text(client, DAY)


def test_a_range_that_reaches_now_moves_and_one_that_is_over_does_not(redis: Redis) -> None:
    client = staff()
    assert "data-moves" in client.get("/dashboard/?range=7d&compare=previous").content.decode()
    assert "data-moves" not in client.get("/dashboard/?range=yesterday").content.decode()


def test_a_range_of_one_value_has_what_is_counted_by_it_and_names_the_rest(redis: Redis) -> None:
    at = "2024-06-18T10:00:00Z"
    views = [click(f"u{n}", "MUG", at, country=("DE", "AT")[n % 2], bot=n == 4) for n in range(5)]
    log_of("clicks-0", views).fold(writer_of(redis))
    line = {"product_id": "MUG", "quantity": 2, "price": "12.50"}
    sales = [paid(of, "25.00", at=at, currency="EUR", country=of, lines=[line]) for of in ("DE", "FR")]
    numbered("orders-0", sales).fold(writer_of(redis))
    product("MUG")
    client = staff()
    page = text(client, f"{DAY}&country=DE")
    assert "Visitors in the range – not split by country" in page
    assert "Sales in the range 25.00 EUR beside nothing" in page
    assert "Orders in the range 1 beside nothing" in page
    assert "Viewed 2 Cart 0 −100 % Checkout 0 Paid 1" in page
    assert "Not split by country. What single products do under a filter" in page
    html = client.get(f"{DAY}&country=DE").content.decode()
    assert 'href="/dashboard/?country=DE">Back to live' in html
    assert 'href="?range=7d&amp;country=DE"' in html
    pulse = made(client, f"{DAY}&country=DE")
    assert [sum(row[place] for row in pulse["csv"][1:]) for place in range(1, 4)] == [2, 1, 25.0]
    assert made(client, f"{DAY}&country=DE", 1)["csv"] == [
        ["step", "steps", "then"],
        ["Viewed", 2, None], ["Cart", 0, None], ["Checkout", 0, None], ["Paid", 1, None],
    ]  # fmt: skip
    bots = made(client, f"{DAY}&country=DE&bots=in")
    assert sum(row[1] for row in bots["csv"][1:]) == 3
    assert "The MUG 4 0 4 50.00 EUR" in text(client, f"{DAY}&product=MUG")
    shelf = made(client, f"{DAY}&category=mugs")
    assert {row[2] for row in shelf["csv"][1:]} == {None}, "no order has a shelf"
    refused = client.get(f"{DAY}&country=DE&device=phone")
    assert refused.status_code == 200, "the live page leads here, so it is a choice and no error"
    assert "A range is told by one filter at a time, not by country and device." in refused.content.decode()
    assert 'href="/dashboard/?country=DE&amp;device=phone">Back to live' in refused.content.decode()
