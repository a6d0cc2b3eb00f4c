"""The live screen in Chromium: from a click sent to the change on the page, its work, and how it loads.

A demo without traffic of its own gets 2,000 clicks a second while one browser watches; everything, the
browser too, shares this machine's cores. Then the page is opened with an empty cache over slow lines.

    .venv/bin/python benchmarks/screen.py [--quick | --hour]
"""

import os
import shutil
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from freshness import CHROMIUM, log_in, quantile
from screen_clicks import Clicks, chart_delays, number_delays
from screen_loads import LINES, NOTE, Line, Load, load
from support import Demo, Figure, arguments_parser, at_most, demo, finish, missing

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page, StorageState

RATE = 2_000  # clicks a second
QUIET_RATE = 50  # while the page is opened: other work than its own would be measured
# epoch ms of each change of `Visitors now`; of each drawing of the pulse, with its running minute's clicks
WATCH = """() => {
  window.changes = []; window.drawings = [];
  new MutationObserver(() => window.changes.push(Date.now())).observe(
    document.querySelector("#n-visitors .figure"), { subtree: true, childList: true, characterData: true });
  const pulse = document.getElementById("pulse");
  new MutationObserver(() => {
    const [, clicks] = pulse.data[2].customdata ?? [], [, at] = pulse.data[2].x ?? [];
    if (clicks && clicks !== window.drawings.at(-1)?.[2]) window.drawings.push([Date.now(), at, clicks]);
  }).observe(pulse, { subtree: true, attributeFilter: ["d"] });
}"""


@dataclass(frozen=True)
class Work:
    """What the page did while it was watched."""

    busy: float  # share of the main thread
    long_tasks: int
    heaps: list[float]  # MiB after a collection, in order


def watch(page: "Page", devtools: "CDPSession", seconds: float) -> Work:
    """Let the page run; what it noted stays in it."""
    from_task, from_long = metric(devtools, "TaskDuration"), len(page.evaluate("() => window.longest"))
    heaps = [heap(devtools)]
    for _ in range(4):
        page.wait_for_timeout(seconds / 4 * 1000)
        heaps.append(heap(devtools))
    busy = (metric(devtools, "TaskDuration") - from_task) / seconds
    return Work(busy, len(page.evaluate("() => window.longest")) - from_long, heaps)


def metric(devtools: "CDPSession", name: str) -> float:
    """One of the browser's own counters."""
    told = devtools.send("Performance.getMetrics")["metrics"]
    return float(next(row["value"] for row in told if row["name"] == name))


def heap(devtools: "CDPSession") -> float:
    """MiB of JavaScript objects that are in use."""
    devtools.send("HeapProfiler.collectGarbage")
    return metric(devtools, "JSHeapUsedSize") / 2**20


def live(browser: "Browser", running: Demo, seconds: float) -> "tuple[list[Figure], StorageState]":
    """What is sent shows on the page: figures, and the cookies of who looked."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(NOTE)
    devtools = context.new_cdp_session(page)
    devtools.send(
        "Performance.enable", {"timeDomain": "threadTicks"}
    )  # CPU: this machine does more than draw
    clicks = Clicks(RATE)
    clicks.start()
    log_in(page, running)
    page.wait_for_function("() => window.marks.charts", timeout=60_000)
    page.wait_for_timeout(12_000)  # the users are known, and the running minute is drawn
    page.evaluate(WATCH)
    before = len(clicks.newcomers)
    work = watch(page, devtools, seconds)
    changes, drawn = page.evaluate("() => [window.changes, window.drawings]")
    clicks.stop()
    number = number_delays(clicks.newcomers[before:-1], changes)
    drawings = [(at, int(at // 60_000), count) for at, _, count in drawn]
    chart = chart_delays(clicks.sent, drawings)
    state = context.storage_state()
    context.close()
    name = f"sent to changed on the page, {RATE:,} clicks/s"
    return [
        at_most(f"{name}: number, p50", statistics.median(number), "ms", 75),
        at_most(f"{name}: number, p99", quantile(number, 0.99), "ms", 190),
        Figure(f"{name}: live chart, p50", round(statistics.median(chart), 1), "ms"),
        at_most(f"{name}: live chart, p99", quantile(chart, 0.99), "ms", 400),
        at_most("main thread busy", work.busy * 100, "%", 25),
        at_most("long tasks after loading", work.long_tasks, "", 0),
        at_most("heap, end beside the first quarter", work.heaps[-1] / work.heaps[1], "times", 1.1),
        Figure("heap at the end", round(work.heaps[-1], 1), "MiB"),
    ], state


def loads(browser: "Browser", running: Demo, state: "StorageState", times: int) -> list[Figure]:
    """The page with an empty cache, over each line; medians."""
    clicks = Clicks(QUIET_RATE)
    clicks.start()
    figures: list[Figure] = []
    for line in LINES:
        each = [load(browser, f"{running.origin}/dashboard/", state, line) for _ in range(times)]
        figures += of_line(line, each)
    clicks.stop()
    return figures


def of_line(line: Line, each: list[Load]) -> list[Figure]:
    """The medians of some loads; what is about the page and not about the line only for the first."""
    figures = [
        at_most(
            f"{line.name}: live tiles", statistics.median(one.tiles for one in each), "ms", line.tiles_ms
        ),
        at_most(f"{line.name}: charts", statistics.median(one.charts for one in each), "ms", line.charts_ms),
    ]
    if line is LINES[0]:
        figures += [
            at_most(
                "largest contentful paint", statistics.median(one.largest_paint for one in each), "ms", 1_000
            ),
            at_most("interaction to next paint", max(one.answer for one in each), "ms", 100),
            at_most("cumulative layout shift", max(one.shifts for one in each), "", 0.02),
            at_most("first load", statistics.median(one.kilobytes for one in each), "KB", 600),
        ]
    return figures


def main() -> None:
    """Measure both on one demo."""
    parser = arguments_parser(__doc__)
    parser.add_argument("--hour", action="store_true", help="watch for an hour: is the heap flat?")
    options = parser.parse_args()
    seconds, times = (30.0, 3) if options.quick else (3600.0 if options.hour else 120.0, 7)
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        missing("Chromium (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with demo() as running, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        figures, state = live(browser, running, seconds)
        figures += loads(browser, running, state, times)
        version = browser.version
        browser.close()
    settings = {
        "quick": options.quick, "cpus": os.cpu_count(), "seconds": seconds, "loads": times,
        "clicks_a_second": RATE, "clicks_a_second_while_loading": QUIET_RATE, "chromium": version,
    }  # fmt: skip
    finish("screen", settings, figures)


if __name__ == "__main__":
    main()
