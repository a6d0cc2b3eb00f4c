"""Pages that the server writes, in Chromium: numbers, money and dates by the viewer's locale."""

import pytest
import redis as redis_package
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_dashboard import sign_in
from tests.browser.test_dashboard import site as site
from tests.support.live import an_order_is_paid, views
from tests.support.shop import product

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SEPARATORS = "document.querySelector('.plot.js-plotly-plot')._fullLayout.separators"


def table_of(page: Page, chart: str) -> str:
    """The last row of the chart's table."""
    tile = page.locator(f"[data-chart={chart}]")
    tile.get_by_role("button", name="Table").click()
    return tile.locator(".twin tbody tr").first.inner_text()


def test_a_range_and_a_product_write_as_the_viewer_reads(
    chromium: Browser, site: str, redis: "redis_package.Redis"
) -> None:
    product("MUG", stock=12_345)
    an_order_is_paid(redis, "1", "1234567.50")
    views(redis, *["ada"] * 1_200)
    context = chromium.new_context(base_url=site, locale="de-DE", timezone_id="UTC")
    sign_in(context, site)
    page = context.new_page()
    page.goto("/dashboard/?range=today")
    figures = page.locator(".numbers .figure")
    expect(figures).to_have_text(["2", "1.234.568 €", "1", "100,0 %", "1.234.568 €", "–"])
    expect(page.locator(".sold tbody td")).to_have_text(["The MUG", "1.200", "0", "1", "1.234.568 €"])
    expect(page.locator("#clock time").first).to_contain_text("2026, 00:00")
    expect(page.locator("#pulse.js-plotly-plot")).to_be_visible()
    assert page.evaluate(SEPARATORS) == ",."
    assert "1.200\t1\t1.234.567,50" in table_of(page, "pulse")
    page.goto("/dashboard/product/MUG/")
    expect(page.locator(".num .figure > span").first).to_have_text("1.200")
    expect(page.locator(".stock dd").first).to_have_text("12.345")
    expect(page.locator(".about b")).to_contain_text(",")
    expect(page.locator("#course.js-plotly-plot")).to_be_visible()
    assert page.evaluate(SEPARATORS) == ",."
    assert "1.200\t0\t1\t1.234.567,50" in table_of(page, "figures")
    context.close()
