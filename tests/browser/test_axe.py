"""The pages listed here pass axe's rules of WCAG 2.2 AA, with something on them, in both schemes.

The console is not looked at here: axe itself tries inline styles, which the policy refuses.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files

import pytest
import redis as redis_package
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings

from dashboards.alerts.models import Alert, Rule
from dashboards.shares.links import make_link
from shopsite.catalogue.models import Category, Product
from tests.browser.test_dashboard import sign_in
from tests.browser.test_dashboard import site as site
from tests.support.live import an_order_is_paid, views
from tests.support.shop import paid, product

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Redis = redis_package.Redis
Pages = Mapping[str, Callable[[Page], object]]
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
RUN = """async (tags) => (await axe.run({ runOnly: tags })).violations.map(
  (rule) => [rule.id, rule.help, rule.nodes.map((node) => `${node.html} ${node.any[0]?.message ?? ""}`)])"""


@cache
def axe() -> str:
    """The rules, as the package has them."""
    return (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")


def broken(page: Page, name: str) -> list[str]:
    """What the page breaks, in words."""
    page.evaluate(axe())
    found: Iterable[tuple[str, str, list[str]]] = page.evaluate(RUN, TAGS)
    return [f"{name}: {rule}: {words}: {node}" for rule, words, nodes in found for node in nodes]


def shelf() -> None:
    """One product with stock in a category, with a picture."""
    product("MUG", stock=7)
    home = Category.objects.create(slug="home", name="Home")
    Product.objects.filter(sku="MUG").update(category=home, picture="catalogue/pictures_noto/teapot.svg")


def to_the_cart(page: Page) -> None:
    """The cart, with a mug in it."""
    page.goto("/p/MUG/")
    page.get_by_role("button", name="Add to cart", exact=True).click()
    expect(page.locator("#tally")).to_have_text("1")
    page.goto("/cart/")


def to_the_order(page: Page) -> None:
    """The order's page, from a filled checkout."""
    page.goto("/checkout/")
    fields = {"email": "ada@example.org", "name": "Ada", "street": "A 1", "postcode": "1", "city": "B"}
    for name, text in fields.items():
        page.locator(f"#id_{name}").fill(text)
    page.get_by_label("4242 4242 4242 4242").check()
    page.get_by_role("button", name="Place the order and pay").click()
    expect(page).to_have_url(re.compile(r"/orders/\w+/$"))


def to(address: str) -> Callable[[Page], object]:
    """A plain address."""
    return lambda page: page.goto(address)


def to_the_dashboard(address: str) -> Callable[[Page], None]:
    """The live page, once its charts are drawn."""

    def go(page: Page) -> None:
        page.goto(address, wait_until="commit")
        expect(page.locator("#mode")).to_have_text("LIVE")
        expect(page.locator("#pulse.js-plotly-plot")).to_be_visible()
        if "wall" not in address:
            expect(page.locator(".goods tbody tr").first).to_be_visible()

    return go


def to_the_figures(page: Page) -> None:
    """A product's page of figures, once its chart is drawn; then its table."""
    page.goto("/dashboard/product/MUG/")
    expect(page.locator("#course.js-plotly-plot")).to_be_visible()
    page.get_by_role("button", name="Table").click()
    expect(page.locator("#course-table")).to_contain_text("Put into carts")


def to_the_mail(page: Page) -> None:
    """The newest mail, on its own page."""
    page.goto("/admin/orders/mail/")
    page.locator("th.field-subject a").first.click()


def to_the_keys(page: Page) -> None:
    """The sheet of keys, on the live page."""
    page.keyboard.press("?")


def to_the_sharing(page: Page) -> None:
    """The dialog that makes a link."""
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Share", exact=True).click()


SHOP: Pages = {
    "home": to("/"),
    "category": to("/c/home/"),
    "search": to("/search?q=mug"),
    "product": to("/p/MUG/"),
    "cart": to_the_cart,
    "checkout": to("/checkout/"),
    "order": to_the_order,
    "login": to("/account/log-in/"),
    "staff login": to("/admin/login/"),
    "api": to("/api/"),
}
STAFF: Pages = {
    "dashboard": to_the_dashboard("/dashboard/"),
    "keys": to_the_keys,
    "share": to_the_sharing,
    "wall": to_the_dashboard("/dashboard/?wall=numbers,pulse"),
    "filtered": to_the_dashboard("/dashboard/?product=MUG"),
    "answers": to("/dashboard/answers/"),
    "product figures": to_the_figures,
    "range": to("/dashboard/?range=7d&compare=week"),
    "ops": to("/ops/"),
    "admin": to("/admin/"),
    "orders": to("/admin/orders/order/"),
    "mail": to_the_mail,
    "kinds of mail": to("/admin/orders/mail/kinds/"),
}
LIGHT_ALONE = {
    "keys",
    "share",
    "wall",
    "filtered",
    "shared",
    "answers",
    "search",
    "staff login",
    "api",
    "kinds of mail",
}  # their colours are others' too


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("who", ["shopper", "staff"])
def test_no_page_breaks_a_rule_of_wcag(
    chromium: Browser,
    site: str,
    redis: Redis,
    settings: Settings,
    scheme: str,
    who: str,
) -> None:
    settings.DEMO = True  # the checkout offers its test cards
    shelf()
    context = chromium.new_context(base_url=site, color_scheme=scheme)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    pages = SHOP
    if who == "staff":
        sign_in(context, site)
        paid({"MUG": 1})
        views(redis, "ada", "ben")
        an_order_is_paid(redis, "1")
        rule = Rule.objects.create(name="Rush", figure="clicks", compare="above")
        Alert.objects.create(rule=rule, fired_at=timezone.now())
        token, _ = make_link(name="x", life="day", user=User.objects.get(), now=timezone.now())
        pages = {**STAFF, "shared": to_the_dashboard(f"/shared/{token}/")}
    if scheme == "dark":
        pages = {name: go for name, go in pages.items() if name not in LIGHT_ALONE}
    page, found = context.new_page(), []
    for name, go in pages.items():
        go(page)
        found += broken(page, name)
    context.close()
    assert found == [], "\n".join(found)
