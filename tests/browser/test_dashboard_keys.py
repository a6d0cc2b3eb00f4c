"""The live page by keys alone, and its charts taken away as files."""

import csv
import re
from pathlib import Path

import pytest
import redis as redis_package
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from dashboards.screen import sockets
from dashboards.shares.models import ShareLink
from tests.browser.test_dashboard import live as live
from tests.browser.test_dashboard import site as site
from tests.support.live import happens, views
from tests.support.shop import product

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Redis = redis_package.Redis
expect.set_options(timeout=20_000)


def saved(page: Page, chart: str, kind: str) -> Path:
    """The file that a chart's menu gives."""
    page.get_by_role("button", name=f"Save {chart}").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=kind).click()
    return Path(download.value.path())


def test_every_control_has_its_key_and_the_sheet_lists_them(live: Page, redis: Redis) -> None:
    product("MUG", stock=7)
    views(redis, "ada")
    expect(live.locator(".goods tbody tr")).to_have_count(1)
    press = live.keyboard.press
    press("2")
    expect(live.get_by_role("tab", name="Countries")).to_have_attribute("aria-selected", "true")
    press("s")
    expect(live.locator(".goods th[aria-sort]")).to_have_text("Product")
    press("r")
    expect(live.locator(".goods th[aria-sort]")).to_have_attribute("aria-sort", "descending")
    press("t")
    expect(live.locator("#pulse-table")).to_be_visible()
    press("p")
    expect(live.locator("#hold")).to_have_attribute("aria-pressed", "true")
    press("d")
    expect(live.locator("html")).to_have_attribute("data-theme", "dark")
    press("Shift+ArrowLeft")
    expect(live.locator("#mode")).to_have_text("REPLAY")
    press("l")
    expect(live.locator("#mode")).to_have_text("LIVE")
    press("?")
    sheet = live.get_by_role("dialog", name="Keys")
    expect(sheet).to_contain_text("Pause the last events")
    sheet.get_by_label("Use single keys on this page").uncheck()
    press("Escape")
    expect(sheet).to_be_hidden()
    press("p")
    expect(live.locator("#hold")).to_have_attribute("aria-pressed", "true")


def test_a_chart_is_taken_away_as_a_picture_and_as_cells_that_are_no_formulas(
    live: Page, redis: Redis
) -> None:
    search = {"user_id": "ada", "product_id": None, "type": "search", "search": '=HYPERLINK("x")'}
    happens(redis, "clicks-0", search)
    live.get_by_role("tab", name="Searches").click()
    expect(live.locator(".js-plotly-plot")).to_have_count(2)
    cells = list(csv.reader(saved(live, "breakdown", "CSV").read_text().splitlines()))
    assert cells == [["searches", "30 min", "last week"], ['\'=hyperlink("x")', "1", ""]]
    minutes = list(csv.reader(saved(live, "pulse", "CSV").read_text().splitlines()))
    assert minutes[0][:2] == ["minute", "clicks"]
    assert sum(int(row[1]) for row in minutes[1:]) == 1
    assert saved(live, "pulse", "PNG").read_bytes().startswith(b"\x89PNG")


def test_the_wall_shows_the_chosen_tiles_alone_and_esc_leaves_it(live: Page, redis: Redis) -> None:
    views(redis, "ada")
    live.keyboard.press("w")
    expect(live).to_have_url(re.compile("wall=sales"))
    expect(live.locator("#n-visitors .figure span")).to_have_text("1")
    views(redis, "ben")
    expect(live.locator("#n-visitors .figure span")).to_have_text("2")
    live.goto("/dashboard/?wall=numbers,pulse,<b>,orders-of-nobody")
    expect(live.locator("#n-visitors .figure span")).to_have_text("2")
    expect(live.locator("#pulse.js-plotly-plot")).to_be_visible()
    for gone in (".products", "#scrubber", ".tools"):
        expect(live.locator(gone)).to_be_hidden()
    assert live.evaluate("getComputedStyle(document.body).cursor") == "none"
    live.keyboard.press("Escape")
    expect(live).to_have_url(re.compile("/dashboard/$"))
    expect(live.locator(".products")).to_be_visible()


def test_a_wall_of_the_six_numbers_is_seen_on_a_small_screen_too(live: Page, redis: Redis) -> None:
    views(redis, "ada")
    live.set_viewport_size({"width": 1024, "height": 768})
    live.goto("/dashboard/?wall=numbers,pulse")
    expect(live.locator(".giants #n-visitors .figure span")).to_have_text("1")
    expect(live.locator(".giants #n-visitors")).to_be_visible()


def test_a_guest_watches_by_a_link_until_it_ends(
    live: Page, chromium: Browser, site: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.5)
    live.get_by_role("button", name="Share", exact=True).click()
    sheet = live.get_by_role("dialog", name="Share this view")
    sheet.get_by_label("Who gets it").fill("The board")
    sheet.get_by_label("1 hour").check()
    sheet.get_by_role("button", name="Make a link").click()
    expect(sheet).to_contain_text("Works until")
    guest = chromium.new_page()
    guest.goto(sheet.get_by_label("The link, shown this once").input_value())
    views(redis, "ada", "ben")
    expect(guest.locator("#n-visitors .figure span")).to_have_text("2")
    expect(guest.get_by_role("tab")).to_have_text(["Sources", "Countries", "Devices"])
    ShareLink.objects.update(expires_at=timezone.now())
    expect(guest.locator("#banner")).to_contain_text("This link has ended.")
    guest.reload()
    expect(guest.get_by_role("heading", level=1)).to_have_text("This link does not work")
    guest.close()
