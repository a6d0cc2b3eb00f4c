"""The HTTP API: how many requests a second, how long each takes, and what a key's limit does.

One server process of a demo without traffic, asked from another process over kept connections, beside a
plain Django view of the same order in a server process of its own.

    .venv/bin/python benchmarks/api.py [--quick]
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from support import Figure, arguments, at_least, at_most, beside, demo, finish, free_port

HERE = Path(__file__).parent
CONNECTIONS = 8
ORDERS = 2_000
WANTED = 1_000  # requests a second: the default limit of a key
LIMIT = 200  # of the key whose limit is tried: well within what the server can do
BEYOND = 300


@dataclass(frozen=True)
class Told:
    """What one run of api_calls.py came to."""

    seconds: float
    statuses: dict[str, int]
    told_when: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second that were answered by 200."""
        return self.statuses.get("200", 0) / self.seconds


def ask(origin: str, path: str, key: str, seconds: float, rate: float | None = None) -> Told:
    """Ask from another process."""
    command = [sys.executable, str(HERE / "api_calls.py"), origin, path, key, str(seconds), str(CONNECTIONS)]
    done = subprocess.run(
        command + ([str(rate)] if rate else []),
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + 30,
    )
    return Told(**json.loads(done.stdout))


def all_answered(told: Told, what: str) -> Told:
    """The run, where each request was answered by 200; ends the benchmark otherwise."""
    if set(told.statuses) != {"200"}:
        sys.exit(f"{what}: {told.statuses}")
    return told


@contextmanager
def plain_view() -> Iterator[str]:
    """The peer, in a server process of its own, on this demo's database."""
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "--app-dir", str(HERE / "peers"), "--port", str(port),
        "--lifespan", "off", "--no-access-log", "--log-level", "error", "plain_view:application",
    ]  # fmt: skip
    process = subprocess.Popen(command)
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def make_orders() -> str:
    """Orders to read; the id of one."""
    from django.core.management import call_command

    from orders.models import Order

    call_command("fill_orders", orders=ORDERS, yes=True, verbosity=0)
    return str(
        Order.objects.filter(lines__isnull=False).order_by("-placed_at").values_list("pk", flat=True)[0]
    )


def reading(origin: str, order_id: str, seconds: float) -> list[Figure]:
    """As fast as it goes, by a key that is not held back, beside the peer."""
    from shopsite.api import keys

    key = keys.create("benchmark", rate=1_000_000)
    figures = []
    for name, path in {
        "an order": f"/api/v1/orders/{order_id}",
        "a product's stock": "/api/v1/products/SF-0001/stock",
        "a page of 50 orders": "/api/v1/orders?limit=50",
    }.items():
        told = all_answered(ask(origin, path, key, seconds), name)
        rate = Figure(name, round(told.rate), "requests/s")
        if name == "an order":
            with plain_view() as plain:
                peer = all_answered(ask(plain, f"/plain/orders/{order_id}", key, seconds), "plain view")
            rate = beside(at_least(name, told.rate, "requests/s", WANTED), peer.rate, told.rate / peer.rate)
        figures += [rate, Figure(f"{name}, p99", round(told.p99, 2), "ms")]
    figures.append(Figure("an order by a plain Django view", round(peer.rate), "requests/s"))
    return figures


def limited(origin: str, order_id: str, seconds: float) -> list[Figure]:
    """By a key with a limit: up to it all is answered, beyond it the rest is told to come again."""
    from shopsite.api import keys

    path, key = f"/api/v1/orders/{order_id}", keys.create("limited", rate=LIMIT)
    within = ask(origin, path, key, seconds, LIMIT * 0.95)
    time.sleep(1.5)
    beyond = ask(origin, path, key, seconds, BEYOND)
    refused = beyond.statuses.get("429", 0)
    return [
        Figure(f"{LIMIT * 0.95:.0f} requests/s of one key: answered", round(within.rate), "requests/s"),
        at_most("of these refused", within.statuses.get("429", 0), "requests", 0),
        Figure("p50", round(within.p50, 2), "ms"),
        Figure("p99", round(within.p99, 2), "ms"),
        Figure(f"{BEYOND} requests/s of one key: answered", round(beyond.rate), "requests/s"),
        Figure("of these refused", refused, "requests"),
        at_least("refusals that say when to come again", beyond.told_when / max(1, refused), "of 1", 1),
    ]


def main() -> None:
    """Measure on one demo."""
    options = arguments(__doc__)
    seconds = 3.0 if options.quick else 15.0
    with demo() as running:
        order_id = make_orders()
        figures = reading(running.origin, order_id, seconds) + limited(running.origin, order_id, seconds)
    settings = {
        "quick": options.quick, "cpus": os.cpu_count(), "seconds": seconds, "connections": CONNECTIONS,
        "orders": ORDERS, "database": "SQLite",
    }  # fmt: skip
    finish("api", settings, figures)


if __name__ == "__main__":
    main()
