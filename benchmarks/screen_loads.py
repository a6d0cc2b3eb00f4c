"""The dashboard opened with an empty cache over a slow line, and what the browser notes of it. -> screen.py

Chromium's slow line is for HTTP; its websockets are not slowed, but they open after the page's script came.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, StorageState

CHARTS = "#pulse .scatterlayer path", "#funnel .barlayer path", "#panel .barlayer path"
# Runs before the page's own scripts. marks: ms since navigation.
NOTE = (
    f"const CHARTS = {json.dumps(CHARTS)};"
    + """
window.marks = {}; window.shifts = 0; window.longest = []; window.answers = [];
const mark = (name) => { window.marks[name] ??= performance.now(); };
new MutationObserver((_, self) => {
  const there = (selector) => document.querySelector(selector);
  if (there("#n-visitors .figure span") && !there("#numbers .bone")) mark("tiles");
  if (CHARTS.every((one) => document.querySelector(one))) mark("charts");
  if (window.marks.tiles && window.marks.charts) self.disconnect();
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
const watch = (type, each, durationThreshold) => new PerformanceObserver(
  (list) => list.getEntries().forEach(each)).observe({ type, buffered: true, durationThreshold });
watch("largest-contentful-paint", (entry) => { window.marks.lcp = entry.startTime; });
watch("layout-shift", (entry) => { if (!entry.hadRecentInput) window.shifts += entry.value; });
watch("longtask", (entry) => window.longest.push([entry.startTime, entry.duration]));
watch("event", (entry) => { if (entry.interactionId) window.answers.push(entry.duration); }, 16);
"""
)


@dataclass(frozen=True)
class Line:
    """A connection as Chromium imitates it, and how much slower the CPU is."""

    name: str
    latency_ms: float
    megabits: float
    slower: float
    tiles_ms: float  # the targets
    charts_ms: float


LINES = (Line("cable", 40, 10, 1, 350, 1_000), Line("slow 4G", 150, 1.6, 4, 1_100, 4_000))


@dataclass(frozen=True)
class Load:
    """What one loading took."""

    tiles: float  # ms until live figures stand on the page
    charts: float
    largest_paint: float
    shifts: float  # cumulative layout shift
    kilobytes: float  # as they came over the line
    answer: float  # ms, the slowest of some clicks until the next paint; 0 where each took less than 16


def load(browser: "Browser", address: str, state: "StorageState", line: Line) -> Load:
    """Open the dashboard in a new profile; state: the cookies of somebody who is signed in."""
    context = browser.new_context(storage_state=state, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(NOTE)
    devtools = context.new_cdp_session(page)
    came: list[float] = []
    devtools.on("Network.loadingFinished", lambda told: came.append(told["encodedDataLength"]))
    devtools.send("Network.enable")
    bytes_a_second = line.megabits * 125_000
    devtools.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": line.latency_ms,
            "downloadThroughput": bytes_a_second,
            "uploadThroughput": bytes_a_second,
        },
    )
    devtools.send("Emulation.setCPUThrottlingRate", {"rate": line.slower})
    page.goto(address)
    page.wait_for_function("() => window.marks.charts", timeout=60_000)
    page.wait_for_timeout(1_000)
    kilobytes = sum(came) / 1024
    for tab in page.locator("#tabs [role=tab]").all()[1:4]:
        tab.click()
        page.wait_for_timeout(400)
    marks, shifts, answers = page.evaluate("() => [window.marks, window.shifts, window.answers]")
    context.close()
    return Load(
        marks["tiles"], marks["charts"], marks.get("lcp", 0), shifts, kilobytes, max(answers, default=0.0)
    )
