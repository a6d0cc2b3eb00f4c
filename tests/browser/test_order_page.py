"""An order's page in Chromium: it changes before the shopper's eyes, by websocket and without one."""

import pytest
from django.conf import settings
from django.core.cache import cache
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect

from orders.models import Order
from shopsite.fulfilment import charge, pack_order
from tests.support import until
from tests.support.shop import DECLINED, place, product, read_back

pytestmark = [pytest.mark.browser, pytest.mark.kafka]
VISITOR = "0123456789abcdef0123456789abcdef"
HEADING = "h1"


@pytest.fixture
def opened(context: BrowserContext, page: Page, site: str) -> Page:
    """The browser VISITOR."""
    cache.clear()
    product("MUG", 9)
    context.add_cookies([{"name": settings.VISITOR_COOKIE, "value": VISITOR, "url": site}])
    return page


def ordered(**options: str) -> Order:
    """An order of this browser, whose charge is due."""
    order = place({"MUG": 1}, **options)
    Order.objects.filter(pk=order.pk).update(user_id=VISITOR)
    read_back(order)
    return order


def looks(page: Page) -> list[str]:
    """The addresses that the page asks for from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return asked


def test_paid_is_seen_without_a_reload_and_without_asking(opened: Page) -> None:
    order = ordered()
    with opened.expect_websocket() as socket, opened.expect_event("domcontentloaded"):
        opened.goto(f"/orders/{order.order_id}/")
    until(lambda: not socket.value.is_closed())
    opened.evaluate("window.mark = 1")
    opened.wait_for_load_state("networkidle")
    asked = looks(opened)
    charge(order.order_id)
    expect(opened.locator(HEADING)).to_have_text("Paid, and being packed")
    pack_order(order_id=order.order_id, actor="test")
    expect(opened.locator(".steps .is-now")).to_contain_text("Packed")
    assert opened.evaluate("window.mark") == 1
    assert not [address for address in asked if address.endswith("/status")]


def test_with_sockets_blocked_the_page_asks_by_itself(opened: Page) -> None:
    def refuse(route: WebSocketRoute) -> None:
        route.close(code=1001)

    opened.route_web_socket("**/ws/orders/**", refuse)
    order = ordered()
    opened.goto(f"/orders/{order.order_id}/")
    opened.evaluate("window.mark = 1")
    charge(order.order_id)
    expect(opened.locator(HEADING)).to_have_text("Paid, and being packed")
    assert opened.evaluate("window.mark") == 1


@pytest.mark.parametrize("size", [(1440, 900), (390, 844)])
def test_nothing_moves_when_a_payment_fails_before_the_shoppers_eyes(
    opened: Page, size: tuple[int, int]
) -> None:
    opened.set_viewport_size({"width": size[0], "height": size[1]})
    opened.add_init_script("""
        window.moved = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.moved += entry.value)))
            .observe({ type: "layout-shift", buffered: true });
    """)
    order = ordered(card=DECLINED)
    opened.goto(f"/orders/{order.order_id}/", wait_until="networkidle")
    charge(order.order_id)
    expect(opened.locator(HEADING)).to_have_text("The payment did not go through")
    expect(opened.get_by_role("link", name="Pay with another card")).to_be_visible()
    assert opened.evaluate("window.moved") < 0.001  # the word "Live." leaves its line
