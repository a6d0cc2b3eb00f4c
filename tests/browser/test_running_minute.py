"""The running minute of the pulse is moved without Plotly; it must end where Plotly would have put it."""

import json

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocketRoute, expect
from redis import Redis

from tests.browser.test_dashboard import live as live
from tests.browser.test_dashboard import sign_in
from tests.browser.test_dashboard import site as site
from tests.support.live import views

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

BOTH_WAYS = """async () => {
  const node = document.getElementById("pulse");
  const { moveRun } = await import("/static/dashboards/running.js"); // it knows no other module
  const numbers = (text) => text.match(/[-.0-9]+/g).map(Number);
  const all = (trace, what, name) =>
    [...trace.querySelectorAll(what)].map((one) => numbers(one.getAttribute(name)));
  const ends = (trace) => [all(trace, ".js-fill, .js-line", "d"), all(trace, ".point", "transform")];
  const drawn = () => [...node.querySelectorAll(".scatterlayer > .trace")].slice(2, 4).map(ends);
  const before = drawn(), did = moveRun(node, node._fullLayout.yaxis.range[1] * 0.37, 7), moved = drawn();
  Plotly.redraw(node);
  return { did, before, moved, full: drawn() };
}"""


def test_the_running_minute_is_moved_to_where_a_full_draw_puts_it(live: Page, redis: Redis) -> None:
    views(redis, "ada", "ben")
    expect(live.locator("#pulse .js-plotly-plot, #pulse.js-plotly-plot")).to_have_count(1)
    paced = "() => document.getElementById('pulse').data?.[2]?.y?.length === 2"
    live.wait_for_function(paced, timeout=30_000)  # a minute has no pace in its first ten seconds
    told = live.evaluate(BOTH_WAYS)
    assert told["did"]
    assert told["moved"] != told["before"]
    assert told["moved"] == told["full"]


def in_its_first_seconds(socket: WebSocketRoute) -> None:
    """Let each frame say that its minute is five seconds old."""
    server = socket.connect_to_server()

    def pass_on(message: str | bytes) -> None:
        frame = json.loads(message)
        if "at" in frame:
            frame["at"] -= frame["at"] % 60_000 - 5_000
        socket.send(json.dumps(frame))

    server.on_message(pass_on)


def test_a_minute_that_has_no_pace_yet_is_not_drawn_again_for_each_click(
    page: Page, context: BrowserContext, site: str, redis: Redis
) -> None:
    sign_in(context, site)
    page.route_web_socket("**/ws/**", in_its_first_seconds)
    page.goto("/dashboard/", wait_until="commit")
    views(redis, "ada")
    expect(page.locator("#pulse.js-plotly-plot")).to_have_count(1)
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(500)  # what draws it anew for the font has been
    page.evaluate(
        """() => {
          window.drawn = [];
          const react = Plotly.react;
          Plotly.react = (node, ...more) => { window.drawn.push(node.id); return react(node, ...more); };
        }"""
    )
    for number in range(2, 6):
        views(redis, f"user{number}")
        expect(page.locator("#n-visitors .figure span")).to_have_text(str(number))
    drawn = page.evaluate("() => window.drawn")
    assert drawn.count("pulse") <= 1  # where a minute ends just then
    assert drawn  # the funnel's bars have moved: it is Plotly.react() that is counted
