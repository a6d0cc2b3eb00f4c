"""A whole purchase in Chromium, on a real Kafka, Redis and worker, without one console error."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django.fixtures import Settings

from shopsite.catalogue.models import Product
from shopsite.fulfilment import pack_order
from tests.support.shop import level, product
from tests.support.site import processes
from tests.support.storefront import ADDRESS, order_id

ARRIVES = 60_000  # ms: Kafka and three processes share the machine with other tests
pytestmark = [pytest.mark.browser, pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture(autouse=True)
def shelf(settings: Settings, transactional_db: None) -> None:
    """Two products, in a demo."""
    settings.DEMO = True
    product("MUG", stock=5)
    product("CUP", stock=5)
    Product.objects.filter(sku="MUG").update(picture="catalogue/pictures_noto/teapot.svg")


def to_the_checkout(page: Page) -> None:
    """Put two mugs into the cart and fill the form."""
    page.goto("/p/MUG/")
    page.get_by_label("Quantity").select_option("2")
    page.get_by_role("button", name="Add to cart", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="In your cart: 2 The MUG.")).to_be_visible()
    expect(page.locator("#tally")).to_have_text("2")
    page.get_by_role("link", name="See the cart").click()
    page.get_by_role("link", name="Check out").click()
    for name in ("email", "name", "street", "postcode", "city"):
        page.locator(f"#id_{name}").fill(ADDRESS[name])


def pay_with(page: Page, card: str) -> str:
    """Choose a test card and order; returns the order's number."""
    page.get_by_label(card).check()
    page.get_by_role("button", name="Place the order and pay").click()
    expect(page).to_have_url(re.compile(r"/orders/\w+/$"))
    return order_id(page.url)


def test_a_purchase_is_paid_and_packed_before_the_shoppers_eyes(page: Page) -> None:
    with processes("relay", "consume", "worker"):
        page.goto("/")
        page.get_by_role("link", name="The MUG").first.click()
        to_the_checkout(page)
        number = pay_with(page, "4242 4242 4242 4242")
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text(re.compile("Thank you|Paid"))
        expect(heading).to_have_text("Paid, and being packed", timeout=ARRIVES)
        expect(page.get_by_text(f"Your order {number} is confirmed")).to_be_visible()
        assert level("MUG") == (3, 0)
        pack_order(order_id=number, actor="test")
        expect(heading).to_have_text(re.compile("^Packed"), timeout=ARRIVES)
        expect(page.locator(".steps .is-now")).to_contain_text("Packed")


def test_a_declined_card_is_followed_by_one_that_pays(page: Page) -> None:
    with processes("relay", "consume", "worker"):
        to_the_checkout(page)
        pay_with(page, "4000 0000 0000 0002")
        expect(page.get_by_role("heading", level=1)).to_have_text(
            "The payment did not go through", timeout=ARRIVES
        )
        page.get_by_role("link", name="Pay with another card").click()
        page.get_by_label("4242 4242 4242 4242").check()
        page.get_by_role("button", name=re.compile("^Pay")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Paid, and being packed", timeout=ARRIVES)


def test_nothing_moves_while_a_page_loads(page: Page) -> None:
    page.add_init_script("""
        window.moved = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.moved += entry.value)))
            .observe({ type: "layout-shift", buffered: true });
    """)
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        for address in ("/", "/search", "/p/MUG/", "/cart/", "/orders/", "/account/log-in/"):
            page.goto(address, wait_until="networkidle")
            assert page.evaluate("window.moved") == 0, (address, width)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (address, width)


def test_filters_and_menu_open_on_a_phone_without_a_script(chromium: object, page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.route("**/*.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto("/search")
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Only what is in stock").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile("stock=1"))
    expect(page.get_by_role("link", name=re.compile("In stock ?, remove"))).to_be_visible()
