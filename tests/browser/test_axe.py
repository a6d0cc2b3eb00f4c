"""Every page of the shop and for staff passes axe's rules of WCAG 2.2 AA, with something on it.

The console is not looked at here: axe itself tries inline styles, which the policy refuses.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import pytest
import redis as redis_package
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from pytest_django.fixtures import Settings

from dashboards.alerts.models import Alert, Rule
from dashboards.shares.links import make_link
from inventory.services import adjust
from orders.letters import CONFIRMATION
from orders.models import Order
from orders.samples import sample
from shopsite.catalogue.models import Category, Product
from shopsite.events.models import DeadLetter
from shopsite.fulfilment import cancel_order, charge, give_due, pack_order, refund_order, ship_order
from shopsite.storefront.models import CartLine
from tests.browser.test_dashboard import sign_in
from tests.browser.test_dashboard import site as site
from tests.browser.wcag import broken
from tests.support.live import an_order_is_paid, the_aggregate_process_lives, views
from tests.support.shop import DECLINED, NUMBERS, paid, place, product, read_back

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Redis = redis_package.Redis
Pages = Mapping[str, Callable[[Page], object]]
LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenhalter"  # wider than a phone


@pytest.fixture
def page(chromium: Browser, site: str, settings: Settings) -> Iterator[Page]:
    """A page of a shop with something on its shelf, in a demo: the checkout offers its test cards."""
    settings.DEMO = True
    shelf()
    context = chromium.new_context(base_url=site, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def shelf() -> None:
    """Products in a category, with pictures: one in stock, one nearly gone, one sold out."""
    home = Category.objects.create(slug="home", name="Home", hue=90)
    for sku, stock in (("MUG", 99), ("CUP", 3), ("JUG", 1)):
        product(sku, stock=stock)
    adjust(product_id="JUG", change=-1, reason="broken", actor="test")
    Product.objects.filter(sku="CUP").update(title=LONG_WORD)
    Product.objects.update(category=home, picture="catalogue/pictures_noto/teapot.svg")


def no_page_is_broken(page: Page, pages: Pages) -> None:
    """Fail with what is broken on any of the pages, each opened as it says."""
    found = []
    for name, go in pages.items():
        page.set_viewport_size({"width": 1440, "height": 900})
        page.emulate_media(color_scheme="light")
        go(page)
        found += broken(page, name)
    assert not found, "\n".join(found)


def to(address: str) -> Callable[[Page], object]:
    """A plain address."""
    return lambda page: page.goto(address)


def sent(address: str, button: str) -> Callable[[Page], object]:
    """A form, sent as it is: empty."""

    def go(page: Page) -> None:
        page.goto(address)
        page.locator("main").get_by_role("button", name=button).click()
        expect(page.locator(".wrong").first).to_be_visible()

    return go


def into_the_cart(page: Page, sku: str) -> None:
    """Put one into the cart."""
    page.goto(f"/p/{sku}/")
    page.get_by_role("button", name="Add to cart", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="In your cart")).to_be_visible()


def to_a_cart_with_news(page: Page) -> None:
    """A cart of which one line is sold out, one dearer, one lowered, and one gone."""
    for sku in ("MUG", "CUP"):
        into_the_cart(page, sku)
    mine = CartLine.objects.get(product_id="MUG")
    CartLine.objects.filter(product_id="CUP").update(quantity=9)
    CartLine.objects.filter(pk=mine.pk).update(price="9.00")
    CartLine.objects.create(visitor=mine.visitor, product_id="JUG", quantity=1)
    gone = Product.objects.create(sku="OLD", title="An old one")
    CartLine.objects.create(visitor=mine.visitor, product=gone, quantity=1)
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


def without_a_token(page: Page) -> None:
    """The page for a form that came without its cookie."""
    page.goto("/account/log-in/")
    page.context.clear_cookies()
    page.get_by_role("button", name="Log in", exact=True).click()
    expect(page.get_by_role("heading", name="This form is too old")).to_be_visible()


SHOP: Pages = {
    "empty cart": to("/cart/"),
    "no orders": to("/orders/"),
    "home": to("/"),
    "category": to("/c/home/"),
    "search": to("/search?q=mug"),
    "filtered": to("/search?category=home&stock=1&from=5"),
    "nothing found": to("/search?q=zzz"),
    "product": to("/p/MUG/"),
    "few left": lambda page: into_the_cart(page, "CUP"),
    "sold out": to("/p/JUG/"),
    "sold out, no address": sent("/p/JUG/", "Tell me"),
    "cart": to_a_cart_with_news,
    "checkout": to("/checkout/"),
    "checkout with errors": sent("/checkout/", "Place the order"),
    "order placed": to_the_order,
    "orders": to("/orders/"),
    "hidden order": to("/orders/nosuchorder/"),
    "find an order": to("/find-order/"),
    "find with errors": sent("/find-order/", "Find it"),
    "login with errors": sent("/account/log-in/", "Log in"),
    "sign up": sent("/account/sign-up/", "Make it"),
    "reset": to("/account/password/reset/"),
    "delivery": to("/help/delivery/"),
    "returns": to("/help/returns/"),
    "test cards": to("/help/test-cards/"),
    "nothing there": to("/nothing-there/"),
    "no token": without_a_token,
    "staff login": to("/admin/login/"),
    "api": to("/api/"),
}


def test_no_page_of_the_shop_breaks_a_rule_of_wcag(page: Page) -> None:
    no_page_is_broken(page, SHOP)


def stood(order: Order) -> str:
    """The order's address, once the bank was asked."""
    read_back(order)
    charge(order.pk)
    return f"/orders/{order.pk}/"


def in_each_state() -> dict[str, str]:
    """An order's page by where the order stands."""
    made = {name: paid({"MUG": 1}) for name in ("paid", "packed", "shipped", "refunded")}
    pack_order(order_id=made["packed"].pk, actor="test")
    pack_order(order_id=made["shipped"].pk, actor="test")
    ship_order(order_id=made["shipped"].pk, actor="test")
    refund_order(order_id=made["refunded"].pk, actor="test")
    give_due()
    made["cancelled"] = place({"MUG": 1})
    cancel_order(order_id=made["cancelled"].pk, actor="test")
    pages = {name: f"/orders/{order.pk}/" for name, order in made.items()}
    pages["declined"] = stood(place({"MUG": 1}, card=DECLINED))
    pages["to be confirmed"] = stood(place({"MUG": 1}, card=NUMBERS["confirm"]))
    return pages


def to_the_bank(page: Page) -> None:
    """The bank's own page, from the order that waits for it."""
    page.get_by_role("link", name="Confirm at your bank").click()
    expect(page.get_by_role("button", name="Confirm the payment")).to_be_visible()


def to_a_mail(page: Page) -> None:
    """A mail's HTML on an empty page: its own runs no script, not even axe."""
    page.goto("about:blank")
    page.set_content(sample(CONFIRMATION).html)


def test_no_page_of_an_order_breaks_a_rule_of_wcag(page: Page, site: str) -> None:
    sign_in(page.context, site)
    orders = in_each_state()
    pages = {name: to(address) for name, address in orders.items()}
    pages["confirmation"] = to_the_bank
    pages["pay again"] = to(f"{orders['declined']}pay")
    pages["mail"] = to_a_mail
    pages["password"] = to("/account/password/")
    no_page_is_broken(page, pages)


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


BOARDS: Pages = {
    "dashboard": to_the_dashboard("/dashboard/"),
    "keys": to_the_keys,
    "share": to_the_sharing,
    "wall": to_the_dashboard("/dashboard/?wall=numbers,pulse"),
    "filtered": to_the_dashboard("/dashboard/?product=MUG"),
    "answers": to("/dashboard/answers/"),
    "product figures": to_the_figures,
    "range": to("/dashboard/?range=7d&compare=week"),
    "no such range": to("/dashboard/?range=nonsense"),
    "ops": to("/ops/"),
    "spent link": to("/shared/nosuchlink/"),
}


def with_figures(redis: Redis, go: Callable[[Page], object]) -> Callable[[Page], None]:
    """Open a page while the aggregate process shows a sign of life: it holds for a minute."""

    def went(page: Page) -> None:
        the_aggregate_process_lives(redis)
        go(page)

    return went


def test_no_dashboard_breaks_a_rule_of_wcag(page: Page, site: str, redis: Redis) -> None:
    sign_in(page.context, site)
    paid({"MUG": 1})
    views(redis, "ada", "ben")
    an_order_is_paid(redis, "1")
    rule = Rule.objects.create(name="Rush", figure="clicks", compare="above")
    Alert.objects.create(rule=rule, fired_at=timezone.now())
    token, _ = make_link(name="x", life="day", user=User.objects.get(), now=timezone.now())
    pages = {**BOARDS, "shared": to_the_dashboard(f"/shared/{token}/")}
    no_page_is_broken(page, {name: with_figures(redis, go) for name, go in pages.items()})


LISTS = (
    "orders/order", "orders/payment", "orders/refund", "catalogue/product", "catalogue/category",
    "inventory/movement", "inventory/reservation", "alerts/rule", "alerts/alert", "shares/sharelink",
    "events/outboxevent", "events/deadletter", "api/apikey", "staff/staffaction", "auth/user",
)  # fmt: skip
DESK: Pages = {
    "admin": to("/admin/"),
    "mail": to_the_mail,
    "kinds of mail": to("/admin/orders/mail/kinds/"),
    "product at the desk": to("/admin/catalogue/product/MUG/change/"),
    "stock": to("/admin/catalogue/product/MUG/stock/"),
    "new rule": to("/admin/alerts/rule/add/"),
    "password of staff": to("/admin/password_change/"),
    **{name: to(f"/admin/{name}/") for name in LISTS},
}


def test_no_page_of_the_desk_breaks_a_rule_of_wcag(page: Page, site: str) -> None:
    sign_in(page.context, site)
    order = paid({"MUG": 1})
    rule = Rule.objects.create(name="Rush", figure="clicks", compare="above")
    Alert.objects.create(rule=rule, fired_at=timezone.now())
    make_link(name="x", life="day", user=User.objects.get(), now=timezone.now())
    DeadLetter.objects.create(topic="orders", partition=0, offset=1, reason="not JSON", value=b"{")
    desk = f"/admin/orders/order/{order.pk}"
    own = {
        "order": to(f"{desk}/change/"),
        "way": to(f"{desk}/way/"),
        "refund": to(f"{desk}/do/refund/"),
        "packing slip": to(f"{desk}/slip/"),
        "receipt": to(f"{desk}/receipt/"),
    }
    no_page_is_broken(page, {**DESK, **own})
