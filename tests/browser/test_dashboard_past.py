"""The scrubber in Chromium: the same page shows the past, and comes back."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_package
from django.conf import settings
from playwright.sync_api import Page, expect

from dashboards.reports.selectors import rfc3339
from tests.browser.test_dashboard import live as live
from tests.browser.test_dashboard import site as site
from tests.support.live import happens, views
from tests.support.shop import product

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Redis = redis_package.Redis
expect.set_options(timeout=20_000)


def views_ago(redis: Redis, minutes: int, *users: str) -> None:
    """Each of them looked at the product so many minutes ago."""
    at = rfc3339(datetime.now(UTC) - timedelta(minutes=minutes))
    happens(redis, "clicks-0", *({"user_id": user, "product_id": "MUG", "timestamp": at} for user in users))


def test_the_scrubber_shows_the_past_by_keys_and_goes_back_to_live(live: Page, redis: Redis) -> None:
    views_ago(redis, 63, "ada", "ben", "cem")
    views(redis, "ada")
    expect(live.locator("#n-visitors .figure span")).to_have_text("1")
    slider = live.get_by_role("slider", name="Time, 24 hours")
    slider.focus()
    for _ in range(6):
        slider.press("PageDown")  # a tenth of the day each
    expect(live.locator("#mode")).to_have_text("REPLAY")
    live.goto(f"/dashboard/?at={rfc3339(datetime.now(UTC) - timedelta(minutes=60))}&paused=1")
    expect(live.locator("#mode")).to_have_text("REPLAY")
    expect(live.locator("#n-visitors .figure span")).to_have_text("3")
    expect(live.locator(".pipeline .window")).to_have_text("known of now only")
    live.reload()
    expect(live.locator("#mode")).to_have_text("REPLAY")
    live.get_by_role("button", name="10 ×").click()
    expect(live).to_have_url(re.compile("speed=10"))
    live.get_by_role("button", name="Back to live").click()
    expect(live.locator("#mode")).to_have_text("LIVE")
    expect(live.locator(".pipeline .window")).to_have_text("now, and the oldest")
    expect(live.locator("#n-visitors .figure span")).to_have_text("1")
    live.go_back()
    expect(live.locator("#mode")).to_have_text("REPLAY")


def test_a_replay_sorts_products_by_what_is_known_of_the_past(live: Page, redis: Redis) -> None:
    product("MUG", stock=7)
    views_ago(redis, 63, "ada", "ben", "cem")
    views(redis, "ada")
    window, sorted_by = live.locator("#products-window"), live.locator(".goods th[aria-sort]")
    expect(window).to_have_text("first to sell out")
    expect(sorted_by).to_have_text("Sells out in")
    live.goto(f"/dashboard/?at={rfc3339(datetime.now(UTC) - timedelta(minutes=60))}&paused=1")
    expect(live.locator(".goods tbody tr")).to_have_count(1)
    expect(window).to_have_text("most looked at")
    expect(sorted_by).to_have_text("Views/min")
    expect(live.get_by_role("button", name="Sells out in")).to_be_disabled()
    live.get_by_role("button", name="Sold 30 min").click()
    expect(window).to_have_text("most sold")
    live.keyboard.press("s")  # past what is not known of then
    expect(sorted_by).to_have_text("Product")
    live.get_by_role("button", name="Back to live").click()
    expect(live.get_by_role("button", name="Sells out in")).to_be_enabled()


def test_a_replay_has_no_single_events_whatever_was_pressed_before(live: Page, redis: Redis) -> None:
    views_ago(redis, 63, "ada")
    live.context.add_cookies([{"name": settings.VISITOR_COOKIE, "value": "f" * 32, "url": live.url}])
    live.reload()
    expect(live.locator("#mode")).to_have_text("LIVE")
    views(redis, "f" * 32)
    live.get_by_role("button", name="Only mine").click()
    expect(live.locator(".feed .you")).to_have_count(1)
    live.get_by_role("button", name="Pause").click()
    live.locator("body").press("Shift+ArrowLeft")
    expect(live.locator("#mode")).to_have_text("REPLAY")
    expect(live.locator("#feed")).to_contain_text("shown live only")
    expect(live.get_by_role("button", name="Only mine")).to_be_disabled()
    expect(live.locator("#hold")).to_be_disabled()
    live.get_by_role("button", name="Back to live").click()
    expect(live.get_by_role("button", name="Only mine")).to_be_enabled()
    expect(live.locator(".feed .you")).to_have_count(1)


def test_a_range_is_chosen_by_keys_stays_in_the_address_and_goes_back_to_live(
    live: Page, redis: Redis
) -> None:
    views_ago(redis, 2 * 24 * 60, "ada", "ben", "cem")
    views(redis, "dan")
    live.get_by_role("button", name="Range").focus()
    live.keyboard.press("Enter")
    live.get_by_role("link", name="7 days").focus()
    live.keyboard.press("Enter")
    expect(live.locator(".mode")).to_have_text("RANGE")
    expect(live).to_have_url(re.compile(r"\?range=7d$"))
    expect(live.locator(".numbers .figure").first).to_have_text("4")
    expect(live.locator("#pulse.js-plotly-plot")).to_be_visible()
    live.get_by_label("beside").select_option("previous")
    live.get_by_role("button", name="Show").press("Enter")
    expect(live.locator(".numbers .than").first).to_contain_text("was 0")
    live.reload()
    expect(live).to_have_url(re.compile("compare=previous"))
    live.locator(".pulse").get_by_role("button", name="Table").click()
    expect(live.locator(".pulse .twin")).to_contain_text("then")
    expect(live.locator(".js-plotly-plot:visible")).to_have_count(2)  # funnel and revenue
    live.locator(".pulse").get_by_role("button", name="Table").click()
    expect(live.locator(".js-plotly-plot:visible")).to_have_count(3)
    live.get_by_role("tab", name="Sources").press("ArrowRight")
    expect(live.get_by_role("tab", name="Searches")).to_be_focused()
    expect(live.get_by_role("heading", name="Paths")).to_be_visible()
    expect(live.get_by_role("heading", name="Devices")).to_be_hidden()
    live.get_by_role("link", name="Back to live").click()
    expect(live.locator("#mode")).to_have_text("LIVE")
    live.go_back()
    expect(live.locator(".mode")).to_have_text("RANGE")
