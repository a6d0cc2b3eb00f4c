"""The live page through a restart of the server, in two tabs, and for people who want no motion."""

from collections.abc import Iterator

import pytest
import redis as redis_package
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_dashboard import sign_in
from tests.support import until
from tests.support.live import the_aggregate_process_lives, views
from tests.support.site import serving

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Redis = redis_package.Redis
VISITORS = "#n-visitors .figure span"
WATCH = """() => {
  window.shown = [];
  const figure = document.querySelector('#n-visitors .figure span');
  new MutationObserver(() => window.shown.push(figure.textContent)).observe(
    figure, { subtree: true, childList: true, characterData: true });
}"""


@pytest.fixture
def figures(transactional_db: None, redis: Redis) -> Redis:
    """Where the figures are, with the heartbeat of who makes them."""
    the_aggregate_process_lives(redis)
    return redis


@pytest.fixture
def site(figures: Redis) -> Iterator[str]:
    """The address of the site; its Redis is real, Kafka is away."""
    with serving() as address:
        yield address


def open_live(context: BrowserContext, address: str) -> Page:
    """The live page, once it has figures."""
    page = context.new_page()
    page.goto(f"{address}/dashboard/", wait_until="commit")
    expect(page.locator("#mode")).to_have_text("LIVE")
    return page


def test_after_a_restart_of_the_server_it_goes_on_without_gap_or_double(
    chromium: Browser, figures: Redis
) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    with serving() as address:
        sign_in(context, address)
        page = open_live(context, address)
        views(figures, "ada", "ben")
        expect(page.locator(VISITORS)).to_have_text("2")
    expect(page.locator("#banner")).to_contain_text("The live connection was lost")
    expect(page.locator("#mode")).to_have_text("AS OF")
    views(figures, "ben", "eve")  # while nobody could tell it
    with serving(port=int(address.rsplit(":", 1)[1])):
        page.locator("#banner").get_by_role("button", name="Try now").click()
        expect(page.locator("#mode")).to_have_text("LIVE")
        expect(page.locator("#banner")).to_be_hidden()
        expect(page.locator(VISITORS)).to_have_text("3")
        clicks = page.locator("#pulse-table tbody tr td:nth-child(2)")
        page.get_by_role("button", name="Table").click()
        until(lambda: sum(map(int, clicks.all_text_contents()[:3])) == 4)  # of this minute and those before
        context.close()


def test_two_tabs_of_one_person_both_move_and_one_goes_on_when_the_other_is_closed(
    context: BrowserContext, site: str, figures: Redis
) -> None:
    sign_in(context, site)
    first, second = open_live(context, site), open_live(context, site)
    views(figures, "ada")
    for page in (first, second):
        expect(page.locator(VISITORS)).to_have_text("1")
    first.close()
    views(figures, "ben")
    expect(second.locator(VISITORS)).to_have_text("2")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_numbers_count_up_only_for_those_who_like_motion(
    chromium: Browser, site: str, figures: Redis, motion: str
) -> None:
    context = chromium.new_context(reduced_motion="reduce" if motion == "reduce" else "no-preference")
    sign_in(context, site)
    page = open_live(context, site)
    views(figures, "ada")
    expect(page.locator(VISITORS)).to_have_text("1")
    page.evaluate(WATCH)
    views(figures, *(f"visitor-{number}" for number in range(400)))
    until(lambda: len(page.evaluate("() => window.shown")) > 0)
    page.wait_for_timeout(1_000)
    shown = page.evaluate("() => window.shown")
    assert (len(shown) == 1) is (motion == "reduce"), shown
    context.close()
