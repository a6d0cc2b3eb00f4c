"""The running minute of the pulse is moved without Plotly; it must end where Plotly would have put it."""

import pytest
from playwright.sync_api import Page, expect
from redis import Redis

from tests.browser.test_dashboard import live as live
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
