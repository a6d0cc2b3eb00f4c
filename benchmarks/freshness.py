"""How old a click is when it shows: in Redis, and on another browser's dashboard.

In Redis: from the producer's send to the aggregator's word that the batch with this offset is applied. On
the page: from a shopper's HTTP request to the first change of `Visitors now` in Chromium.
"""

import math
import os
import random
import shutil
import statistics
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from support import Demo, Figure, arguments, at_most, demo, finish

if TYPE_CHECKING:
    from playwright.sync_api import Page

RATES = (200, 2_000)  # events a second
PAGE_MS = 250.0  # p95 that the issue asks for
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
# Notes the time of each change of the figure; Date.now() and time.time() are one clock on one machine.
WATCH = """() => {
  const figure = document.querySelector("#n-visitors .figure");
  window.changes = [];
  new MutationObserver(() => window.changes.push(Date.now())).observe(
    figure, { subtree: true, childList: true, characterData: true });
}"""


class Applied:
    """When the aggregator told of each offset."""

    def __init__(self) -> None:
        import msgpack

        from dashboards.keys import changes_channel
        from shopsite.events.redis import redis_client

        self._unpack = msgpack.unpackb
        self._listener = redis_client().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._listener.subscribe(changes_channel())
        self._stop = threading.Event()
        self.told: deque[tuple[float, str, int]] = deque()  # seconds on our clock, partition, next offset
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            if message := self._listener.get_message(timeout=0.2):
                partition, next_offset, *_ = self._unpack(message["data"])
                self.told.append((time.perf_counter(), partition, next_offset))

    def stop(self) -> None:
        """Listen no more."""
        self._stop.set()
        self._thread.join()
        self._listener.close()


def in_redis(rate: int, seconds: float) -> list[float]:
    """Milliseconds from send to applied, of each click sent at this rate."""
    from shopsite.events.kafka import close_quietly, make_producer
    from shopsite.events.schemas import Click, encode
    from shopsite.events.topics import topic_name

    applied = Applied()
    producer, topic = make_producer(), topic_name("clicks")
    producer.partitions_for(topic)
    chosen = random.Random(rate)
    sent: list[tuple[float, Any]] = []
    begun = time.perf_counter()
    for number in count():
        due = begun + number / rate
        if due - begun > seconds:
            break
        if (wait := due - time.perf_counter()) > 0:
            time.sleep(wait)
        user, sku = f"bench-{chosen.randrange(5_000)}", f"SF-{chosen.randrange(1, 79):04}"
        click = Click(user_id=user, product_id=sku, timestamp=datetime.now(UTC))
        sent.append((time.perf_counter(), producer.send(topic, value=encode(click), key=user.encode())))
    places = [(at, future.get(timeout=30)) for at, future in sent]
    wait_for_last(applied, {place.partition: place.offset for _, place in places})
    applied.stop()
    close_quietly(producer)
    return delays(places, applied)


def wait_for_last(applied: Applied, last: dict[int, int]) -> None:
    """Wait until everything that was sent is applied."""
    deadline = time.monotonic() + 60
    left = {f"clicks-{partition}": offset for partition, offset in last.items()}
    while left and time.monotonic() < deadline:
        for _, partition, next_offset in list(applied.told):
            if next_offset > left.get(partition, math.inf):
                del left[partition]
        time.sleep(0.05)
    if left:
        sys.exit(f"Not applied within 60 s: {left}")


def delays(places: list[tuple[float, Any]], applied: Applied) -> list[float]:
    """For each click the time until the first word of an offset above its own."""
    words: dict[str, list[tuple[float, int]]] = {}
    for at, partition, next_offset in applied.told:
        words.setdefault(partition, []).append((at, next_offset))
    found: list[float] = []
    at_word: dict[str, int] = dict.fromkeys(words, 0)
    for sent_at, place in places:  # by partition, offsets and words both only grow
        name = f"clicks-{place.partition}"
        while words[name][at_word[name]][1] <= place.offset:
            at_word[name] += 1
        found.append((words[name][at_word[name]][0] - sent_at) * 1000)
    return found


def on_the_page(running: Demo, requests: int) -> list[float]:
    """Milliseconds from a new shopper's request to the change in another browser, of each request."""
    import httpx
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        return []
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        log_in(page, running)
        page.wait_for_selector("body:is([data-state=busy], [data-state=empty])", timeout=30_000)
        page.wait_for_timeout(5_000)  # until the charts are drawn
        page.evaluate(WATCH)
        found = []
        for number in range(requests):
            page.wait_for_timeout(random.uniform(700, 1_500))
            page.evaluate("() => { window.changes.length = 0 }")
            asked = time.time() * 1000
            # a client without cookies is a visitor of its own
            httpx.get(f"{running.origin}/p/SF-{number % 78 + 1:04}/", headers=agent).raise_for_status()
            page.wait_for_function("() => window.changes.length > 0", timeout=10_000, polling=20)
            found.append(page.evaluate("() => window.changes[0]") - asked)
        browser.close()
    return found


def log_in(page: "Page", running: Demo) -> None:
    """Open the dashboard as staff."""
    env = dict(
        line.split("=", 1) for line in (running.folder / "env").read_text().splitlines() if "=" in line
    )
    page.goto(f"{running.origin}/admin/login/?next=/dashboard/")
    page.fill("input[name=username]", env["STAFF_USERNAME"])
    page.fill("input[name=password]", env["STAFF_PASSWORD"])
    page.click("[type=submit]")


def quantile(values: list[float], share: float) -> float:
    """The value that this share of all is not above."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def main() -> None:
    """Measure both on one demo."""
    options = arguments(__doc__)
    seconds, requests = (8, 40) if options.quick else (60, 300)
    figures: list[Figure] = []
    with demo() as running:
        in_redis(100, 2)  # warm
        for rate in RATES:
            measured = in_redis(rate, seconds)
            for share in (0.5, 0.99):
                name = f"click sent to visible in Redis, {rate}/s, p{share * 100:.0f}"
                figures.append(Figure(name, round(quantile(measured, share), 2), "ms"))
        shown = on_the_page(running, requests)
        if shown:
            figures.append(Figure("request to dashboard, p50", round(statistics.median(shown), 1), "ms"))
            figures.append(at_most("request to dashboard, p95", quantile(shown, 0.95), "ms", PAGE_MS))
        else:
            print("Chromium is not installed (apt-get install chromium): the page was not measured.")
    settings = {"quick": options.quick, "cpus": os.cpu_count(), "seconds": seconds, "requests": len(shown)}
    finish("freshness", settings, figures)


if __name__ == "__main__":
    main()
