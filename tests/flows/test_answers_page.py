"""The answers from events in Redis to the page and the shop."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import redis as redis_package
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from pytest_django.fixtures import Settings

from dashboards.answers import kept
from dashboards.answers.page import read_answers
from dashboards.board import register_board
from dashboards.reports.selectors import rfc3339
from dashboards.screen.live import read_board
from dashboards.screen.sections import ProductFigures, product_rows
from inventory.services import Move, post
from shopsite import boards
from shopsite.api.figures import answers
from shopsite.api.routing import NoQuery
from shopsite.catalogue.models import Product
from shopsite.roles import make_roles
from tests.support.aggregates import click, log_of, numbered, paid, writer_of
from tests.support.shop import product
from tests.support.storefront import Shopper

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
Event = dict[str, object]
NOW = datetime.now(UTC).replace(second=30, microsecond=0)


@pytest.fixture(autouse=True)
def _board() -> Iterator[None]:
    register_board(boards)
    cache.clear()
    yield
    cache.clear()


def ago(**span: float) -> str:
    return rfc3339(NOW - timedelta(**span))


def fill(redis: Redis) -> None:
    """A week in which few looked at the tent, and an hour in which many do; the mug is sold with the tray."""
    week = [click(f"u{n}", "MUG", ago(days=2, minutes=n % 50)) for n in range(200)]
    week += [click(f"t{n}", "TENT", ago(days=2)) for n in range(4)]
    hour = [click(f"n{n}", "TENT", ago(minutes=5 + n % 20)) for n in range(20)]
    hour += [click(f"m{n}", "MUG", ago(minutes=10)) for n in range(15)]
    vain = [click("s", None, ago(minutes=9), type="search", search="Hoodie", results=0)]  # type: ignore[arg-type]
    log_of("clicks-0", week + hour + vain).fold(writer_of(redis), now=NOW)
    both = [{"product_id": sku, "quantity": 1, "price": "5"} for sku in ("MUG", "TRAY")]
    sales = [paid(str(n), "10", at=ago(minutes=12), lines=both) for n in range(3)]
    sales += [
        paid(f"l{n}", "9", at=ago(days=3), lines=[{"product_id": "LAMP", "quantity": 1}]) for n in range(9)
    ]
    numbered("orders-0", sales).fold(writer_of(redis), now=NOW)
    for sku, stock in (("MUG", 30), ("TENT", 0), ("TRAY", 50)):
        product(sku, stock)


def staff() -> Client:
    make_roles()
    user = User.objects.create_user("staff", is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    client = Client()
    client.force_login(user)
    return client


def test_what_events_say_stands_on_the_page(redis: Redis) -> None:
    fill(redis)
    kept.refresh(NOW)

    found = read_answers(NOW)

    assert [name.title for name, _ in found.trends or ()] == ["The TENT"]
    assert {(one.title, two.title) for one, two, _ in found.pairs} == {("The MUG", "The TRAY")}
    assert [one.words for one in found.vain or ()] == ["hoodie"]
    mug = next(row for name, row in found.demand if name.title == "The MUG")
    assert (mug.sold, mug.available, mug.sells_out) == (3, 30, "not in sight"), "the ledger has no sale"
    page = staff().get("/dashboard/answers/").content.decode()
    assert "hoodie" in page
    assert "The MUG + The TRAY" in page


def test_a_new_shop_has_answers_within_seconds_and_one_worker_makes_them(redis: Redis) -> None:
    def ask(after_s: int) -> list[bool]:
        return [kept.refresh_due(NOW + timedelta(seconds=after_s)) for _ in ("a worker", "another")]

    assert ask(0) == [True, False]
    assert kept.trending() == []
    fill(redis)
    waits = []
    for after_s in (10, 30, 100, 600):
        waits.append(redis.pttl(kept._key("turn")))
        redis.delete(kept._key("turn"))
        assert ask(after_s) == [True, False]
        assert [name for name, *_ in kept.trending() or ()] == ["TENT"]
    waits.append(redis.pttl(kept._key("turn")))
    assert [round(wait / 1000 + 0.5) for wait in waits] == [10, 10, 15, 50, 120]


def test_tile_answers_admin_and_api_tell_one_estimate(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "dashboards.screen.live.close_old_connections", lambda: None
    )  # this test is a transaction
    fill(redis)
    sales = [Move(f"s{n}", "MUG", -1, "sale", "t", NOW - timedelta(minutes=n)) for n in range(12)]
    post([Move("s", "MUG", 12, "opening", "t", NOW - timedelta(days=2)), *sales], track=["MUG"])
    words = boards.outlook_of(["MUG"])["MUG"].words
    assert re.fullmatch(r"\d+ (min|h) \(.+ to .+\)", words)
    client = staff()

    reading = read_board(["MUG"], [])
    tile = product_rows({"MUG": ProductFigures(9, 1, 3, 1)}, reading.stock, reading.outlook)["MUG"]
    row = next(row for row in answers(NoQuery()).demand if row.product_id == "MUG")

    assert (tile[-1], row.sells_out) == (words, words)  # type: ignore[index]  # a Row
    assert words in client.get("/dashboard/answers/").content.decode()
    assert words in client.get("/admin/catalogue/product/?q=MUG").content.decode()


def test_what_all_that_is_sold_out_misses_is_one_sum_on_page_and_api(redis: Redis) -> None:
    fill(redis)
    more = [click(f"v{n}", sku, ago(days=3)) for n in range(6) for sku in ("TENT", "TARP")]
    more += [click("w", "TARP", ago(minutes=8))]
    log_of("clicks-1", more).fold(writer_of(redis), now=NOW)
    lines = [{"product_id": sku, "quantity": 1, "price": "40"} for sku in ("TENT", "TARP")]
    numbered("orders-1", [paid("x", "80", at=ago(days=3), lines=lines)]).fold(writer_of(redis), now=NOW)
    product("TARP", 0)
    Product.objects.update(price=Decimal(40))
    kept.refresh(NOW)

    missed = {row.product_id: row.missed_an_hour for row in answers(NoQuery()).demand if row.missed_an_hour}

    assert missed.keys() == {"TENT", "TARP"}
    in_all = sum(missed.values(), Decimal(0))
    assert answers(NoQuery()).missed_an_hour == read_answers(NOW).missed == in_all
    assert (
        f"Sold-out products miss <b>{in_all} EUR</b>" in staff().get("/dashboard/answers/").content.decode()
    )


def test_before_anything_is_made_the_page_says_so(redis: Redis) -> None:
    page = staff().get("/dashboard/answers/").content.decode()
    assert "Not known yet" in page
    assert "Nobody has looked at a product" in page


def test_without_redis_the_page_says_so(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "Redis does not answer" in staff().get("/dashboard/answers/").content.decode()


def test_who_may_not_watch_sees_no_answers() -> None:
    client = Client()
    client.force_login(User.objects.create_user("new", is_staff=True))
    assert client.get("/dashboard/answers/").status_code == 403


def test_the_shop_shows_what_trends_and_what_goes_with_it(redis: Redis, shopper: Shopper) -> None:
    fill(redis)
    product("SOFA", 3)
    log_of("clicks-1", [click(f"s{n}", "SOFA", ago(minutes=5)) for n in range(20)]).fold(
        writer_of(redis), now=NOW
    )
    kept.refresh(NOW)

    home, mug = shopper.read("/"), shopper.read("/p/MUG/")

    assert "Trending now" in home
    trending = home.split("Trending now")[1].split("</section>")[0]
    assert "The SOFA" in trending
    assert "The TENT" not in trending  # sold out
    assert "The TRAY" in mug.split("Often bought with it")[1].split("</section>")[0]


def test_the_shop_does_without_answers(redis: Redis, shopper: Shopper, settings: Settings) -> None:
    product("MUG", 5)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "Trending now" not in shopper.read("/")
    assert "Often bought" not in shopper.read("/p/MUG/")


def test_a_second_making_leaves_no_partner_of_the_first(redis: Redis) -> None:
    fill(redis)
    kept.refresh(NOW)
    assert kept.bought_with("MUG")[0].product_id == "TRAY"
    kept.refresh(NOW + timedelta(days=60))
    assert kept.bought_with("MUG") == []
