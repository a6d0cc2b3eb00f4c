"""Filters in Chromium: a click narrows everything, live too; back and reload keep it."""

from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_package
from playwright.sync_api import Page, expect

from dashboards.reports.selectors import rfc3339
from shopsite.catalogue.models import Category
from tests.browser.test_dashboard import live as live
from tests.browser.test_dashboard import site as site
from tests.support.live import happens
from tests.support.shop import product

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Redis = redis_package.Redis


def clicked(redis: Redis, country: str, sku: str = "MUG", **more: object) -> None:
    happens(redis, "clicks-0", {"user_id": country, "product_id": sku, "country": country, **more})


def views(page: Page, number: int) -> None:
    """The funnel's first step says so many people."""
    expect(page.locator(".step:not(.cap) .n").first).to_have_text(str(number))


def test_a_country_narrows_everything_live_and_back_and_reload_keep_it(live: Page, redis: Redis) -> None:
    clicked(redis, "DE")
    clicked(redis, "AT")
    live.get_by_role("tab", name="Countries").click()
    live.locator(".picks").get_by_role("button", name="Only Germany").press("Enter")
    expect(live).to_have_url("http://" + live.url.split("/")[2] + "/dashboard/?country=DE")
    chip = live.get_by_role("button", name="Remove the filter country Germany")
    expect(chip).to_be_visible()
    views(live, 1)
    expect(live.locator("#n-visitors .figure span")).to_have_text("1")
    expect(live.locator(".goods tbody tr .c-name")).to_have_text(["MUG"])
    expect(live.locator("#n-attention")).to_contain_text("not split by country")
    expect(live.locator("#pipeline")).to_contain_text("Not split by country.")
    clicked(redis, "AT")
    clicked(redis, "DE", user_id="eva")
    views(live, 2)
    expect(live.locator(".feed em")).to_have_text(["DE", "DE"])
    live.locator(".feed").get_by_role("button", name="MUG").first.press("Enter")
    expect(live.get_by_role("button", name="Remove the filter product MUG")).to_be_visible()
    expect(chip).to_be_visible()
    expect(live.locator("#filters")).to_contain_text("Only what fits both")
    live.go_back()
    expect(live.locator(".chip")).to_have_count(1)
    live.reload(wait_until="commit")
    expect(chip).to_be_visible()
    views(live, 2)
    assert live.title().startswith("Germany")
    live.get_by_role("button", name="Count the clicks of bots in").click()
    clicked(redis, "DE", bot=True)
    expect(live.get_by_role("button", name="Remove the filter bots")).to_be_visible()
    live.go_back()
    live.go_back()
    expect(chip).to_be_hidden()
    expect(live.locator("#n-visitors .figure span")).to_have_text("3")


def test_each_value_of_an_event_narrows_the_page_to_it(live: Page, redis: Redis) -> None:
    shelf = Category.objects.create(slug="mugs", name="Fine mugs")
    shelf.products.add(product("MUG", stock=5))
    live.reload(wait_until="commit")
    came = {"device": "phone", "source": "www.search.example", "category": "mugs"}
    clicked(redis, "DE", **came)
    clicked(redis, "DE", product_id=None, type="view_item_list", path="/c/mugs/", **came)
    clicked(redis, "AT", product_id=None, type="page_view", path="/orders/4711/", device="desktop")
    rows = live.locator(".feed li")
    expect(rows.locator("b")).to_have_text(["Order", "Fine mugs", "The MUG"])
    expect(rows.locator(".from")).to_have_text(["", "search", "search"])
    for label, chip in (
        ("www.search.example, source", "source www.search.example"),
        ("Phone, device", "device Phone"),
        ("Fine mugs", "category Fine mugs"),
        ("Germany, country", "country Germany"),
    ):
        rows.get_by_role("button", name=label, exact=True).first.press("Enter")
        expect(live.get_by_role("button", name=f"Remove the filter {chip}")).to_be_visible()
        expect(rows).to_have_count(2)
        live.keyboard.press("x")
        expect(rows).to_have_count(3)


def test_events_can_be_held_on_a_phone(live: Page, redis: Redis) -> None:
    live.set_viewport_size({"width": 390, "height": 844})
    live.get_by_role("tab", name="Events").click()
    clicked(redis, "DE")
    expect(live.locator(".feed li")).to_have_count(1)
    live.get_by_role("button", name="Pause").click()
    expect(live.get_by_role("button", name="Pause")).to_have_attribute("aria-pressed", "true")
    assert live.evaluate("document.documentElement.scrollWidth") == 390


def test_a_product_and_a_shelf_replace_each_other_and_the_past_has_no_filter(
    live: Page, redis: Redis
) -> None:
    shelf = Category.objects.create(slug="mugs", name="Mugs")
    product("HAT", stock=5)
    shelf.products.add(product("MUG", stock=5))
    clicked(redis, "DE", category="mugs")
    clicked(redis, "DE", "HAT")
    live.reload(wait_until="commit")
    rows = live.locator(".goods tbody tr")
    expect(rows).to_have_count(2)
    live.locator(".goods").get_by_role("button", name="Only The HAT").press("Enter")
    expect(rows.locator(".c-name")).to_have_text(["The HAT"])
    live.get_by_label("Category").select_option("mugs")
    expect(rows.locator(".c-name")).to_have_text(["The MUG"])
    expect(live.locator(".chip")).to_have_count(1)
    expect(live.locator("#n-orders")).to_contain_text("not split by category")
    live.keyboard.press("x")
    expect(rows).to_have_count(2)
    live.goto(
        f"/dashboard/?country=DE&at={rfc3339(datetime.now(UTC) - timedelta(hours=1))}", wait_until="commit"
    )
    expect(live.locator("#mode")).to_have_text("REPLAY")
    expect(live.locator("#filters")).to_be_hidden()


def test_two_values_at_once_are_in_the_address_and_each_is_removed_alone(live: Page, redis: Redis) -> None:
    clicked(redis, "DE", device="phone")
    clicked(redis, "DE", device="desktop", user_id="eva")
    clicked(redis, "AT", device="phone")
    live.goto("/dashboard/?country=DE&device=phone", wait_until="commit")
    views(live, 1)
    expect(live.locator("#n-visitors .figure span")).to_have_text("1")
    expect(live.locator("#n-sales")).to_contain_text("not split by both")
    expect(live.locator("#n-orders h2")).to_have_text("Orders30 min")
    expect(live.locator("#n-orders .figure span")).to_have_text("0")
    expect(live.locator("#pipeline")).to_contain_text("for one country and one device at once")
    expect(live.locator(".feed li")).to_have_count(1)
    clicked(redis, "DE", device="phone", user_id="ida")
    views(live, 2)
    live.get_by_role("button", name="Count the clicks of bots in").click()
    expect(live.locator("#filters")).to_contain_text("Bots are counted in under one filter at most")
    live.get_by_role("button", name="Remove the filter device Phone").click()
    expect(live).to_have_url("http://" + live.url.split("/")[2] + "/dashboard/?country=DE")
    views(live, 3)
    live.go_back()
    views(live, 2)
    live.get_by_role("button", name="Range", exact=True).click()
    live.get_by_role("link", name="Today").click()
    expect(live.get_by_role("alert")).to_contain_text("not by country and device")
    live.get_by_role("link", name="Only country Germany").click()
    expect(live.locator(".num").first).to_contain_text("not split by country")


def test_a_range_takes_the_filter_along_and_gives_it_back(live: Page, redis: Redis) -> None:
    clicked(redis, "DE")
    live.goto("/dashboard/?country=DE", wait_until="commit")
    live.get_by_role("button", name="Range", exact=True).click()
    live.get_by_role("link", name="Today").click()
    expect(live.get_by_role("link", name="Remove the filter Country Germany")).to_be_visible()
    expect(live.locator(".num").first).to_contain_text("not split by country")
    expect(live.get_by_role("button", name="Save funnel")).to_be_visible()
    live.get_by_role("link", name="Back to live").click()
    expect(live.get_by_role("button", name="Remove the filter country Germany")).to_be_visible()
