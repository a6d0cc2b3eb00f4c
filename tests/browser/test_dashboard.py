"""The live page in Chromium: it moves, says when it stands still, and keeps the policy.

Every test ends with an empty console, where violations of the policy are errors (conftest.py).
"""

import re
from collections.abc import Iterator

import pytest
import redis as redis_package
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from dashboards.alerts.models import Alert, Compare, Rule
from tests.support import until
from tests.support.live import an_order_is_paid, happens, the_aggregate_process_lives, views
from tests.support.shop import product
from tests.support.site import serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Redis = redis_package.Redis
expect.set_options(timeout=20_000)  # a busy machine draws late; what is right stays right


@pytest.fixture
def site(transactional_db: None, redis: Redis) -> Iterator[str]:
    """The address of the site; its Redis is real, Kafka is away."""
    the_aggregate_process_lives(redis)
    with serving() as address:
        yield address


def sign_in(context: BrowserContext, site: str) -> None:
    """Staff who may see everything."""
    browser = Client()
    browser.force_login(User.objects.create_superuser("staff"))
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": browser.cookies[name].value, "url": site}])


@pytest.fixture
def live(page: Page, context: BrowserContext, site: str) -> Page:
    """The live page, once it has figures."""
    sign_in(context, site)
    page.goto("/dashboard/", wait_until="commit")
    expect(page.locator("#mode")).to_have_text("LIVE")
    return page


def paid_bars(page: Page) -> float:
    """The sum of the orders that the pulse has drawn."""
    return float(
        page.evaluate(
            "() => (document.getElementById('pulse').data?.[5]?.y ?? []).reduce((a, b) => a + b, 0)"
        )
    )


def test_a_shop_without_visitors_says_what_to_do(live: Page, redis: Redis) -> None:
    happens(redis, "inventory-0", {"product_id": "MUG", "quantity_change": 5, "reason": "opening"})
    expect(live.locator(".feed li")).to_have_count(1)
    expect(live.locator("#banner")).to_contain_text("nobody has been here yet")
    expect(live.locator("#pulse")).to_contain_text("No clicks in the last 30 minutes")
    expect(live.get_by_role("link", name="Open the shop")).to_have_attribute("href", "/")


SAID = """
    window.said = new Set();
    const texts = () => [...document.querySelectorAll("#products, #funnel")].map((one) => one.textContent);
    const note = () => texts().forEach((text) => said.add(text));
    new MutationObserver(note).observe(document, { subtree: true, childList: true, characterData: true });
"""


def test_the_first_page_of_a_busy_shop_never_says_that_nothing_has_happened(
    page: Page, context: BrowserContext, site: str, redis: Redis
) -> None:
    product("MUG", stock=7)
    views(redis, "ada", "ben")
    page.add_init_script(SAID)
    sign_in(context, site)
    page.goto("/dashboard/", wait_until="commit")
    expect(page.locator(".goods tbody tr .c-available")).to_have_text("7")
    expect(page.locator("#pipeline")).to_contain_text("Delivered")
    said = page.evaluate("() => [...said].join('; ')")
    assert "The MUG" in said
    assert "No product has been looked at" not in said
    assert "Nobody yet" not in said


def test_a_click_and_an_order_move_the_numbers_the_chart_and_the_table(live: Page, redis: Redis) -> None:
    product("MUG", stock=7)
    views(redis, "ada", "ben")
    expect(live.locator("#n-visitors .figure span")).to_have_text("2")
    an_order_is_paid(redis, "1", "12.50")
    expect(live.locator("#n-orders .figure span")).to_have_text("1")
    expect(live.locator("#n-sales .figure span")).to_have_text("€12.50")
    until(lambda: paid_bars(live) == 1)
    row = live.locator(".goods tbody tr")
    expect(row.locator(".c-name")).to_have_text("The MUG")
    expect(row.locator(".c-views")).to_have_text("2")
    expect(row.locator(".c-available")).to_have_text("7")
    expect(live.locator(".feed li").first).to_contain_text("€12.50")


def test_a_page_brings_its_first_figures_along(live: Page, context: BrowserContext, redis: Redis) -> None:
    views(redis, "ada", "ben")
    expect(live.locator("#n-visitors .figure span")).to_have_text("2")
    other = context.new_page()
    other.route_web_socket("**/ws/**", lambda _socket: None)  # it opens, and says nothing
    other.goto("/dashboard/")
    expect(other.locator("#n-visitors .figure span")).to_have_text("2")
    expect(other.locator("#trust")).to_contain_text("connecting")


WHEN_IT_CONNECTS = """
  window.WebSocket = class extends WebSocket {
    constructor(...given) {
      super(...given);
      window.stood ??= document.querySelector("#n-visitors .figure span").textContent;
    }
  };
"""


def test_the_first_figures_stand_before_the_page_connects(
    live: Page, context: BrowserContext, redis: Redis
) -> None:
    views(redis, "ada", "ben")
    expect(live.locator("#n-visitors .figure span")).to_have_text("2")
    other = context.new_page()
    other.add_init_script(WHEN_IT_CONNECTS)
    other.goto("/dashboard/")
    expect(other.locator("#mode")).to_have_text("LIVE")
    other.wait_for_function("() => 'stood' in window")
    assert other.evaluate("() => window.stood") == "2"


def test_plotly_is_fetched_once_though_two_scripts_ask_for_it(
    page: Page, context: BrowserContext, site: str, redis: Redis
) -> None:
    views(redis, "ada")
    sign_in(context, site)
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url) if "plotly" in request.url else None)
    page.goto("/dashboard/", wait_until="commit")
    expect(page.locator("#pulse.js-plotly-plot")).to_have_count(1)
    assert page.locator("link[rel=preload]").evaluate("node => node.href") == fetched[0]
    assert len(fetched) == 1


def test_three_charts_are_drawn_by_plotly(live: Page, redis: Redis) -> None:
    views(redis, "ada")
    live.get_by_role("tab", name="Searches").click()
    expect(live.locator("#panel")).to_contain_text("No searches")
    happens(
        redis, "clicks-0", {"user_id": "ada", "product_id": None, "type": "search", "search": "<b>mug</b>"}
    )
    expect(live.locator(".js-plotly-plot")).to_have_count(3)
    expect(live.locator("#panel")).to_contain_text("<b>mug</b>")


def test_your_own_clicks_are_marked_and_can_be_seen_alone(
    page: Page, context: BrowserContext, site: str, redis: Redis
) -> None:
    sign_in(context, site)
    context.add_cookies([{"name": settings.VISITOR_COOKIE, "value": "f" * 32, "url": site}])
    page.goto("/dashboard/", wait_until="commit")
    expect(page.locator("#mode")).to_have_text("LIVE")
    views(redis, "f" * 32, *(f"user{n}" for n in range(20)))
    expect(page.locator(".feed .you")).to_have_count(1)
    page.get_by_role("button", name="Only mine").click()
    expect(page.locator(".feed li")).to_have_count(1)


def test_a_held_feed_stands_still(live: Page, redis: Redis) -> None:
    views(redis, "ada")
    expect(live.locator(".feed li")).to_have_count(1)
    live.get_by_role("button", name="Pause").click()
    views(redis, "ben")
    expect(live.locator("#n-visitors .figure span")).to_have_text("2")
    expect(live.locator(".feed li")).to_have_count(1)
    live.get_by_role("button", name="Pause").click()
    expect(live.locator(".feed li")).to_have_count(2)


def test_the_table_says_what_the_chart_draws(live: Page, redis: Redis) -> None:
    an_order_is_paid(redis, "1")
    views(redis, "ada")
    live.get_by_role("button", name="Table").click()
    first = live.locator("#pulse-table tbody tr").first.locator("td")
    expect(first.nth(1)).to_have_text("1")
    expect(first.nth(3)).to_have_text("1")
    expect(live.locator("#pulse")).to_be_hidden()


def test_a_page_whose_figures_stand_still_turns_grey_and_comes_back(live: Page, redis: Redis) -> None:
    views(redis, "ada")
    expect(live.locator("#n-visitors .figure span")).to_have_text("1")
    redis.delete(f"{settings.REDIS_PREFIX}beat:aggregate:1")
    expect(live.locator("#mode")).to_have_text("AS OF")
    expect(live.locator("#banner")).to_contain_text("python manage.py aggregate")
    expect(live.locator("#n-visitors .than")).to_contain_text("since")
    the_aggregate_process_lives(redis)
    expect(live.locator("#mode")).to_have_text("LIVE")
    expect(live.locator("#banner")).to_be_hidden()


def test_who_is_signed_out_is_asked_to_sign_in(live: Page) -> None:
    live.context.clear_cookies()
    live.reload()
    expect(live).to_have_url(re.compile("/admin/login/"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_schemes_have_their_own_charts(
    chromium: Browser, site: str, redis: Redis, scheme: str, browser_errors: list[str]
) -> None:
    views(redis, "ada")
    context = chromium.new_context(base_url=site, color_scheme=scheme)  # type: ignore[arg-type]
    context.on("console", lambda said: browser_errors.append(said.text) if said.type == "error" else None)
    sign_in(context, site)
    page = context.new_page()
    page.goto("/dashboard/", wait_until="commit")
    until(
        lambda: page.evaluate("document.getElementById('pulse')?.layout?.template?.layout?.paper_bgcolor"),
        within=30,
    )
    paper = page.evaluate("document.getElementById('pulse').layout.template.layout.paper_bgcolor")
    assert paper == {"light": "#ffffff", "dark": "#161b22"}[scheme]
    page.get_by_role("button", name="Dark or light").click()
    other = {"light": "#161b22", "dark": "#ffffff"}[scheme]
    until(
        lambda: (
            page.evaluate("document.getElementById('pulse').layout.template.layout.paper_bgcolor") == other
        )
    )
    page.reload()
    assert (
        page.evaluate("document.documentElement.dataset.theme") == {"light": "dark", "dark": "light"}[scheme]
    )
    context.close()
    assert browser_errors == []


@pytest.mark.parametrize("path", ["/dashboard/answers/", "/ops/"])
def test_dark_or_light_is_chosen_on_each_page_and_kept_for_the_others(
    page: Page, context: BrowserContext, site: str, redis: Redis, path: str
) -> None:
    views(redis, "ada")
    sign_in(context, site)
    page.goto(path)
    page.get_by_role("button", name="Dark or light").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("link", name="Live", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_on_a_phone_everything_is_reached_and_nothing_is_cut(
    chromium: Browser, site: str, redis: Redis, browser_errors: list[str]
) -> None:
    product("MUG", stock=7)
    views(redis, "ada")
    context = chromium.new_context(base_url=site, viewport={"width": 390, "height": 844})
    context.on("console", lambda said: browser_errors.append(said.text) if said.type == "error" else None)
    sign_in(context, site)
    page = context.new_page()
    page.goto("/dashboard/", wait_until="commit")
    expect(page.locator(".goods tbody tr")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("tab", name="Events").click()
    expect(page.locator(".feed li").first).to_be_visible()
    context.close()
    assert browser_errors == []


MOVES = """() => {
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.moved += entry.value; }))
    .observe({ type: "layout-shift" });
}"""


@pytest.mark.parametrize("size", [(1440, 900), (1280, 800), (768, 1024), (390, 844)])
def test_an_alert_that_comes_and_goes_moves_nothing_that_is_read(
    live: Page, redis: Redis, size: tuple[int, int]
) -> None:
    live.set_viewport_size({"width": size[0], "height": size[1]})
    product("MUG", stock=7)
    views(redis, "ada")
    expect(live.locator(".goods tbody tr")).to_have_count(1)
    expect(live.locator("#pulse.js-plotly-plot")).to_have_count(1)
    live.wait_for_timeout(1_500)  # what is drawn for the new size has been
    rule = Rule.objects.create(name="Few clicks", figure="clicks", compare=Compare.BELOW, limit=3)
    live.evaluate(MOVES)
    for change in ("comes", "goes"):
        live.evaluate("() => { window.moved = 0; }")
        if change == "comes":
            alert = Alert.objects.create(rule=rule, fired_at=timezone.now())
            expect(live.locator("#alerts")).to_be_in_viewport(ratio=1)
            expect(live.locator("#alerts")).to_contain_text("Few clicks")
        else:
            alert.delete()
            expect(live.locator("#alerts")).to_be_hidden()
        live.wait_for_timeout(600)
        assert live.evaluate("() => window.moved") <= 0.02, change


NOTE_MOVES = """
  window.moved = 0;
  new PerformanceObserver((list) => list.getEntries().forEach((entry) => { window.moved += entry.value; }))
    .observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.parametrize(
    "size", [(1440, 900), (1024, 768), (768, 1024), (700, 900), (480, 900), (390, 844), (360, 780)]
)
def test_a_page_that_loads_keeps_its_shape(
    live: Page, context: BrowserContext, redis: Redis, size: tuple[int, int]
) -> None:
    for number in range(12):
        product(f"MUG{number}", stock=7)
        views(redis, "ada", product=f"MUG{number}")
    expect(live.locator(".goods tbody tr")).to_have_count(10)
    other = context.new_page()
    other.set_viewport_size({"width": size[0], "height": size[1]})
    other.add_init_script(NOTE_MOVES)
    other.goto("/dashboard/", wait_until="commit")
    expect(other.locator(".goods tbody tr")).to_have_count(10)
    expect(other.locator("#pulse.js-plotly-plot")).to_have_count(1)
    expect(other.locator("#pipeline")).to_contain_text("Delivered")
    assert other.evaluate("() => window.moved") <= 0.02
    assert other.evaluate("() => document.documentElement.scrollWidth") == size[0]


def test_a_long_name_takes_a_second_line_on_a_phone(live: Page, redis: Redis) -> None:
    live.set_viewport_size({"width": 390, "height": 844})
    mug = product("MUG", stock=30)
    mug.title = "Regenerated Corduroy Overshirt with Horn Buttons"
    mug.save()
    views(redis, "ada")
    name = live.locator(".goods .item span:last-child")
    expect(name).to_have_text(mug.title)
    lines = name.evaluate("node => node.clientHeight / parseFloat(getComputedStyle(node).lineHeight)")
    assert round(lines) == 2
