"""Filters of the live page: each viewer gets the figures of its own, and each filter is computed once."""

from contextlib import AsyncExitStack
from typing import Any

import pytest
import redis as redis_package
from asgiref.sync import sync_to_async
from django.conf import settings

from dashboards.screen import showings
from dashboards.screen.filters import View
from dashboards.screen.hub import Hub
from dashboards.screen.showings import TooManyViews
from shopsite.catalogue.models import Category, Product
from tests.support.live import clicks_shown, happens
from tests.support.shop import product
from tests.support.watching import watching

pytestmark = pytest.mark.django_db(transaction=True)
Redis = redis_package.Redis
GERMANY, PHONES = View("country", "DE"), View("device", "phone")


def clicked(redis: Redis, *, sku: str = "MUG", **more: object) -> None:
    happens(redis, "clicks-0", {"user_id": "ada", "product_id": sku, **more})


def ordered(redis: Redis, order_id: str, amount: str, *skus: str, **more: object) -> None:
    lines = [{"product_id": sku, "quantity": 1, "price": "3"} for sku in skus or ("MUG",)]
    paid: dict[str, Any] = {
        "order_id": order_id, "user_id": "ada", "type": "order_paid", "event_id": f"paid-{order_id}",
        "amount": amount, "currency": settings.SHOP_CURRENCY, "previous": "placed", "status": "paid",
        "lines": lines,
    }  # fmt: skip
    happens(redis, "orders-0", paid | more)


async def test_two_viewers_with_different_filters_get_each_their_own_figures(hub: Hub, redis: Redis) -> None:
    clicked(redis, country="DE", device="phone")
    clicked(redis, country="AT", device="phone", type="add_to_cart")
    ordered(redis, "1", "12.50", country="DE", device="desktop")
    async with watching(hub, view=GERMANY) as german, watching(hub, view=PHONES) as phones:
        await german.until(lambda shown: "funnel" in shown.sections)
        await phones.until(lambda shown: "funnel" in shown.sections)
        assert german.shown.sections["view"] == {"by": "country", "value": "DE"}
        assert (clicks_shown(german.shown), clicks_shown(phones.shown)) == (1, 2)
        assert (german.shown.now("orders"), german.shown.now("sales")) == (1, 12_500_000)
        assert (phones.shown.now("orders"), phones.shown.now("sales")) == (0, 0)
        assert german.shown.sections["funnel"]["purchase"] == [1, None]
        assert phones.shown.sections["funnel"]["add_to_cart"] == [1, None]
        clicked(redis, country="FR", device="phone")
        await phones.until(lambda shown: clicks_shown(shown) == 3)
        assert clicks_shown(german.shown) == 1
        clicked(redis, country="DE", device="tablet")
        await german.until(lambda shown: clicks_shown(shown) == 2)
        assert [event[3] for event in german.shown.sections["feed"].values()] == ["DE", "DE"]


async def test_what_is_not_split_is_named_and_no_number_of_it_is_told(hub: Hub, redis: Redis) -> None:
    clicked(redis, country="DE", category="mugs")
    async with watching(hub, view=GERMANY) as german, watching(hub, view=View("category", "mugs")) as mugs:
        await german.until(lambda shown: "funnel" in shown.sections)
        await mugs.until(lambda shown: "funnel" in shown.sections)
        assert {"attention", "pipeline", "paths", "searches"} <= set(german.shown.sections["unsplit"])
        assert {"conversion", "purchase", "begin_checkout"} <= set(mugs.shown.sections["unsplit"])
        assert "conversion" not in mugs.shown.sections["now"]
        assert (german.shown.now("visitors"), mugs.shown.now("visitors")) == (1, 1)
        assert not german.shown.sections.keys() & {
            "status",
            "attention",
            "paths",
            "searches",
        }
        assert german.shown.sections["countries"] == {"DE": [1, None]}
        assert {"orders", "sales", "average", "minutes.orders"} <= set(mugs.shown.sections["unsplit"])
        assert {tuple(row[1:]) for row in mugs.shown.sections["minutes"].values()} == {(None, None)}


async def test_a_product_or_a_category_keeps_the_rows_of_its_products(hub: Hub, redis: Redis) -> None:
    def shelve() -> None:
        shelf = Category.objects.create(slug="mugs", name="Mugs")
        product("MUG", 5)
        product("HAT", 5)
        Product.objects.filter(sku="MUG").update(category=shelf)

    await sync_to_async(shelve)()
    clicked(redis, category="mugs")
    clicked(redis, sku="HAT", category="hats")
    ordered(redis, "1", "9", "MUG", "HAT")
    async with (
        watching(hub, view=View("product", "MUG")) as mug,
        watching(hub, view=View("category", "mugs")) as mugs,
    ):
        for viewer in (mug, mugs):
            await viewer.until(lambda shown: list(shown.sections.get("products", {})) == ["MUG"])
            assert clicks_shown(viewer.shown) == 1
        assert (mug.shown.now("orders"), mug.shown.now("sales")) == (1, 3_000_000)
        assert "orders" not in mugs.shown.sections["now"]


async def test_two_values_tell_what_fits_both_and_name_what_is_not_kept_so_finely(
    hub: Hub, redis: Redis
) -> None:
    def shelve() -> None:
        shelf = Category.objects.create(slug="mugs", name="Mugs")
        shelf.products.add(product("MUG", 5))
        product("HAT", 5)

    await sync_to_async(shelve)()
    for more in ({"country": "DE"}, {"country": "DE", "device": "phone"}, {"country": "AT"}):
        clicked(redis, category="mugs", **more)
    clicked(redis, sku="HAT", country="DE", category="hats")
    ordered(redis, "1", "9", "MUG", "HAT", country="DE", device="phone")
    phones, mugs = (
        View("country", "DE", also=(("device", "phone"),)),
        View("category", "mugs", also=(("country", "DE"),)),
    )
    async with watching(hub, view=phones) as german, watching(hub, view=mugs) as shelf:
        for viewer in (german, shelf):
            await viewer.until(lambda shown: len(shown.sections.get("products", ())) > 0)
        assert (clicks_shown(german.shown), clicks_shown(shelf.shown)) == (1, 2)
        assert german.shown.sections["funnel"] == {
            "view_item": [1, None], "add_to_cart": [0, None], "begin_checkout": [0, None],
            "purchase": [1, None],
        }  # fmt: skip
        assert {tuple(row[2:]) for row in german.shown.sections["minutes"].values()} == {(None,)}
        assert sum(row[1] for row in german.shown.sections["minutes"].values()) == 1
        assert {"sales", "orders", "average", "searches", "paths"} <= set(german.shown.sections["unsplit"])
        assert not german.shown.sections["now"].keys() & {"sales", "orders", "average"}
        assert german.shown.sections["now"]["orders30"] == 1
        assert "orders30" not in shelf.shown.sections["now"], "a sold line names no category"
        assert set(shelf.shown.sections["funnel"]) == {"view_item", "add_to_cart"}
        # views by Germans, and what they bought of the shelf, though a sold line names none
        assert {sku: row[2] for sku, row in shelf.shown.sections["products"].items()} == {"MUG": 1}
        assert [event[7] for event in german.shown.sections["feed"].values()] == ["phone", "phone"]


async def test_bots_count_where_they_are_let_in(hub: Hub, redis: Redis) -> None:
    clicked(redis, country="DE")
    clicked(redis, country="DE", bot=True)
    clicked(redis, country="US", bot=True)
    everything, germany = View(bots=True), GERMANY._replace(bots=True)
    async with watching(hub, view=everything) as whole, watching(hub, view=germany) as german:
        await whole.until(lambda shown: clicks_shown(shown) == 3)
        await german.until(lambda shown: clicks_shown(shown) == 2)
        assert whole.shown.sections["unsplit"] == {}


async def test_a_filter_is_made_once_for_all_its_viewers_and_dropped_with_the_last(hub: Hub) -> None:
    async with watching(hub, view=GERMANY) as one:
        async with watching(hub, view=GERMANY) as other:
            await one.take()
            await other.take()
            assert len(hub.showings) == 1
            assert one.last is other.last
        assert len(hub.showings) == 1
    assert len(hub.showings) == 0


async def test_one_filter_more_than_there_may_be_is_refused_and_the_others_go_on(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(showings, "MOST", 2)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(watching(hub, view=GERMANY))
        await first.take()
        second = await stack.enter_async_context(watching(hub, view=PHONES))
        await second.take()
        third = await stack.enter_async_context(watching(hub, view=View("source", "x")))
        with pytest.raises(TooManyViews):
            await third.take()
        await first.take()
    assert not hub.viewers
