"""An order's whole way in Chromium: a look-up in Kafka that fails says so, and can be tried again."""

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.test_dashboard import sign_in
from tests.support.shop import place, product

pytestmark = [pytest.mark.browser, pytest.mark.kafka]


def test_a_look_up_that_fails_says_why_and_what_holds_and_is_tried_again(
    context: BrowserContext, page: Page, site: str, browser_errors: list[str]
) -> None:
    product("MUG", 9)
    order = place({"MUG": 1})
    sign_in(context, site)
    ends: list[Callable[[Route], None]] = [
        lambda route: route.abort(),
        lambda route: route.fulfill(status=502),
        lambda route: route.continue_(),
    ]

    def answer(route: Route) -> None:
        ends.pop(0)(route)

    page.route("**/way/log/", answer)
    page.goto(reverse("admin:orders_order_way", args=[order.pk]))
    log = page.locator(".log")
    expect(log).to_contain_text("The shop's server cannot be reached.")
    expect(log).to_contain_text("comes from the database and holds")
    again = log.get_by_role("link", name="Try again")
    again.click()
    expect(log).to_contain_text("answered with an error (502)")
    expect(again).to_be_focused()
    again.click()
    expect(log.locator(".trouble")).to_have_count(0)
    expect(log).not_to_contain_text("Looking in Kafka")
    assert all("/way/log/" in error for error in browser_errors)  # Chromium's own words on both failures
    browser_errors.clear()
