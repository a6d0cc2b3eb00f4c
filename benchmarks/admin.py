"""Pages of the admin with a million orders: milliseconds and queries, on PostgreSQL and on SQLite.

Each database is made (PostgreSQL in a cluster of its own), filled by `fill_orders`, asked through Django's
own request path by a logged-in superuser, and removed. A page is asked for RUNS times, or as long as it may.

    .venv/bin/python benchmarks/admin.py [--quick] [--only postgresql|sqlite]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from selling.cluster import SETTINGS, cluster
from support import ROOT, SERVERS, Figure, arguments_parser, at_most, finish

MILLION, QUICK = 1_000_000, 100_000
P50_MS, P99_MS = 100.0, 250.0
QUERIES, QUERIES_OF_ONE = 8, 20  # of any list; of one order's page, which shows ten tables
RUNS = 60
SECONDS_A_PAGE, SECONDS_A_PAGE_QUICK = 6.0, 1.5
ORDERS = "/admin/orders/order/"
STATES = ("placed", "paid", "delivered", "cancelled", "backordered", "rejected")
QUEUES = ("to_pack", "to_ship", "attention", "payment_failed", "unfulfillable", "stuck", "backordered",
          "refund_refused")  # fmt: skip
COLUMNS = {"number": 1, "time": 3, "amount": 4}  # that can be sorted by


@dataclass(frozen=True)
class Page:
    """One page that is asked for."""

    name: str
    path: str
    query: Mapping[str, str]


def pages(facts: Mapping[str, str]) -> list[Page]:
    """What is measured; facts: of an order from the middle of the year."""
    return [
        Page("index", "/admin/", {}),
        *(Page(f"list{name}", ORDERS, query) for name, query in lists(facts)),
        *(Page(f"queue {name}", ORDERS, {"queue": name}) for name in QUEUES),
        *(Page(f"search by {name}", ORDERS, {"q": term}) for name, term in searches(facts).items()),
        Page("list of payments", "/admin/orders/payment/", {}),
        Page("list of payments, declined", "/admin/orders/payment/", {"state__exact": "declined"}),
        Page("an order", f"{ORDERS}{facts['order_id']}/change/", {}),
        Page("an order's whole way", f"{ORDERS}{facts['order_id']}/way/", {}),
    ]


def lists(facts: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Each filter and each order of the list, and how deep one may leaf."""
    yield "", {}
    for page in (100, 1_000, 2_000):
        yield f", page {page:,}", {"p": str(page)}
    for state in STATES:
        yield f", {state}", {"status__exact": state}
    yield ", delivered, page 1,000", {"status__exact": "delivered", "p": "1000"}
    for origin in ("shop", "other", "elsewhere"):
        yield f", origin {origin}", {"origin": origin}
    yield ", rejected, from another system", {"status__exact": "rejected", "origin": "other"}
    yield ", of a week", {"placed_at__gte": facts["week"], "placed_at__lt": facts["week_after"]}
    yield ", of a year", {"placed_at__gte": facts["year"], "placed_at__lt": facts["now"]}
    for name, column in COLUMNS.items():
        yield f", by {name}", {"o": str(column)}
        yield f", by {name}, downwards", {"o": f"-{column}"}
    yield ", delivered, by since", {"status__exact": "delivered", "o": "7"}
    yield ", paid, by amount", {"status__exact": "paid", "o": "-4"}
    yield ", by amount, page 1,000", {"o": "-4", "p": "1000"}


def searches(facts: Mapping[str, str]) -> Mapping[str, str]:
    """A term of each kind."""
    return {
        "number": facts["order_id"][:8],
        "e-mail": facts["email"].upper()[:14],
        "name": facts["name"],
        "product": facts["product_id"],
        "nothing there": "no such order",
    }


def measured(count: int, seconds: float) -> list[dict[str, Any]]:
    """Make and fill the database of this process's environment; time and queries of each page."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "shopsite.settings"
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("seed", verbosity=0, stdout=sys.stderr)
    begun = time.perf_counter()
    call_command("fill_orders", orders=count, stdout=sys.stderr)
    print(f"filled in {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    user = User.objects.create_superuser("bench")
    return [asked(page, user, seconds) for page in pages(some_facts())]


def some_facts() -> dict[str, str]:
    """An order's, to search by, and times to narrow by."""
    from datetime import timedelta

    from django.utils import timezone

    from orders.models import Order

    order = Order.objects.filter(status="delivered", source="shop").order_by("placed_at")[100]
    line = order.lines.order_by("pk")[0]
    now = timezone.now()
    days = {"now": 0, "year": 365, "week": 180, "week_after": 173}
    times = {name: (now - timedelta(days=ago)).isoformat() for name, ago in days.items()}
    facts = {"order_id": order.pk, "email": order.email, "name": order.name}
    return facts | {"product_id": line.product_id} | times


def asked(page: Page, user: Any, seconds: float) -> dict[str, Any]:  # noqa: ANN401 - Django is there only by now
    """Ask once for its queries, and then until RUNS answers have come or the time is over."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page.path, page.query)
    if answer.status_code != 200:
        sys.exit(f"{page.name}: {answer.status_code}")
    count = len(queries)  # the next request empties the log
    times: list[float] = []
    while len(times) < 3 or (len(times) < RUNS and sum(times) < seconds * 1000):
        begun = time.perf_counter()
        client.get(page.path, page.query)
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    p99 = times[min(len(times) - 1, round(len(times) * 0.99))]
    return {"name": page.name, "p50": statistics.median(times), "p99": p99, "queries": count}


def child(count: int, seconds: float, url: str) -> list[dict[str, Any]]:
    """Measure in a process whose settings read this address."""
    with tempfile.TemporaryDirectory(prefix="shopsite-bench-") as folder:
        env = {key: value for key, value in os.environ.items() if key not in SERVERS}
        env |= {"SHOP_LOCAL_DIR": folder, "LOG_LEVEL": "ERROR"} | ({"DATABASE_URL": url} if url else {})
        done = subprocess.run(
            [sys.executable, __file__, "--child", str(count), str(seconds)],
            env=env,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
    if done.returncode:
        sys.exit(f"the measurement on {url or 'SQLite'} failed")
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


@contextmanager
def databases(only: str | None) -> Iterator[dict[str, str]]:
    """The addresses of what is measured, "" for SQLite."""
    if only == "sqlite":
        yield {"SQLite": ""}
        return
    with cluster() as url:
        yield {"PostgreSQL": url} if only else {"PostgreSQL": url, "SQLite": ""}


def figures(database: str, rows: list[dict[str, Any]]) -> Iterator[Figure]:
    """Three of each page: its median, its slowest of a hundred, and its queries."""
    for row in rows:
        name = f"{database}: {row['name']}"
        yield at_most(f"{name}, p50", row["p50"], "ms", P50_MS)
        yield at_most(f"{name}, p99", row["p99"], "ms", P99_MS)
        limit = QUERIES_OF_ONE if row["name"].startswith("an order") else QUERIES
        yield at_most(f"{name}, queries", row["queries"], "queries", limit)


def main() -> None:
    """Measure both databases, one after the other."""
    parser = arguments_parser(__doc__)
    parser.add_argument("--only", choices=("postgresql", "sqlite"))
    options = parser.parse_args()
    count = QUICK if options.quick else MILLION
    seconds = SECONDS_A_PAGE_QUICK if options.quick else SECONDS_A_PAGE
    with databases(options.only) as found:
        shown = [
            figure for name, url in found.items() for figure in figures(name, child(count, seconds, url))
        ]
        names = list(found)
    finish(
        "admin",
        {
            "quick": options.quick, "orders": count, "databases": names, "cores": os.cpu_count(),
            "requests a page": f"{RUNS}, at most {seconds:g} s", "postgresql": SETTINGS,
        },
        shown,
    )  # fmt: skip


if __name__ == "__main__":
    if "--child" in sys.argv:
        print(json.dumps(measured(int(sys.argv[-2]), float(sys.argv[-1]))))
    else:
        main()
