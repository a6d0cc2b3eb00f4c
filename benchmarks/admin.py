"""Lists of the admin with a million orders: milliseconds and queries, on SQLite and on PostgreSQL.

Each database is made, filled by `fill_orders`, asked through Django's own request path by a logged-in
superuser, and removed. PostgreSQL is measured where DATABASE_URL names a server on which a database may
be made; what is missing is said.

    DATABASE_URL=postgres://... .venv/bin/python benchmarks/admin.py [--quick]
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
from urllib.parse import urlsplit, urlunsplit

from support import ROOT, SERVERS, Figure, arguments, at_most, finish

LIMIT_MS = 200.0
QUERIES = 8
RUNS = 5
SCRATCH = "shopsite_bench_admin"
ORDERS = "/admin/orders/order/"


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
        Page("order list", ORDERS, {}),
        Page("order list, page 1,000", ORDERS, {"p": "1000"}),
        Page("order list, delivered", ORDERS, {"status__exact": "delivered"}),
        Page("order list, delivered, page 1,000", ORDERS, {"status__exact": "delivered", "p": "1000"}),
        Page("order list, by amount", ORDERS, {"o": "4"}),
        Page("queue to pack", ORDERS, {"queue": "to_pack"}),
        Page("queue needs attention", ORDERS, {"queue": "attention"}),
        Page("search by number", ORDERS, {"q": facts["order_id"][:8]}),
        Page("search by e-mail", ORDERS, {"q": facts["email"].upper()[:14]}),
        Page("search by name", ORDERS, {"q": facts["name"]}),
        Page("search by product", ORDERS, {"q": facts["product_id"]}),
        Page("search for nothing there", ORDERS, {"q": "no such order"}),
        Page("payments", "/admin/orders/payment/", {}),
        Page("an order", f"{ORDERS}{facts['order_id']}/change/", {}),
        Page("an order's whole way", f"{ORDERS}{facts['order_id']}/way/", {}),
    ]


def measured(count: int) -> list[dict[str, Any]]:
    """Make and fill the database of this process's environment; time and queries of each page."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "shopsite.settings"
    import django

    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("seed", verbosity=0, stdout=sys.stderr)
    call_command("fill_orders", orders=count, stdout=sys.stderr)
    user = User.objects.create_superuser("bench")
    return [asked(page, user) for page in pages(some_facts())]


def some_facts() -> dict[str, str]:
    """An order's, to search by."""
    from orders.models import Order

    order = Order.objects.filter(status="delivered").order_by("placed_at")[100]
    line = order.lines.order_by("pk")[0]
    facts = {"order_id": order.pk, "email": order.email, "name": order.name}
    return facts | {"product_id": line.product_id}


def asked(page: Page, user: Any) -> dict[str, Any]:  # noqa: ANN401 - Django is there only by now
    """The median of RUNS requests after one that warms up."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(user)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page.path, page.query, follow=True)
    if answer.status_code != 200:
        sys.exit(f"{page.name}: {answer.status_code}")
    count = len(queries)  # the next request empties the log
    times = []
    for _ in range(RUNS):
        begun = time.perf_counter()
        client.get(page.path, page.query)
        times.append((time.perf_counter() - begun) * 1000)
    return {"name": page.name, "ms": statistics.median(times), "queries": count}


def child(count: int, url: str) -> list[dict[str, Any]]:
    """Measure in a process whose settings read this address."""
    with tempfile.TemporaryDirectory(prefix="shopsite-bench-") as folder:
        env = {key: value for key, value in os.environ.items() if key not in SERVERS}
        env |= {"SHOP_LOCAL_DIR": folder, "LOG_LEVEL": "ERROR"} | ({"DATABASE_URL": url} if url else {})
        done = subprocess.run(
            [sys.executable, __file__, "--child", str(count)],
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
def scratch_database(server: str) -> Iterator[str]:
    """The address of a database of its own on this server, which is gone afterwards."""
    import psycopg

    address = urlsplit(server)
    with psycopg.connect(server.replace("postgres://", "postgresql://"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {SCRATCH}")
        admin.execute(f"CREATE DATABASE {SCRATCH}")
        try:
            yield urlunsplit(address._replace(path=f"/{SCRATCH}"))
        finally:
            admin.execute(f"DROP DATABASE IF EXISTS {SCRATCH} WITH (FORCE)")


def figures(database: str, rows: list[dict[str, Any]]) -> list[Figure]:
    """Two for each page: its time and its queries."""
    found = []
    for row in rows:
        name = f"{database}: {row['name']}"
        found.append(at_most(name, row["ms"], "ms", LIMIT_MS))
        limit = 20 if "order's" in row["name"] or row["name"] == "an order" else QUERIES
        found.append(at_most(f"{name}, queries", row["queries"], "queries", limit))
    return found


def main() -> None:
    """Measure both databases, one after the other."""
    options = arguments(__doc__)
    count = 200_000 if options.quick else 1_000_000
    found = figures("SQLite", child(count, ""))
    server = os.environ.get("DATABASE_URL", "")
    if server.startswith("postgres"):
        with scratch_database(server) as url:
            found += figures("PostgreSQL", child(count, url))
    else:
        print("PostgreSQL is not measured: DATABASE_URL names none.")
    databases = ["SQLite"] + (["PostgreSQL"] if server.startswith("postgres") else [])
    finish(
        "admin",
        {"quick": options.quick, "orders": count, "databases": databases, "cores": os.cpu_count()},
        found,
    )


if __name__ == "__main__":
    if "--child" in sys.argv:
        print(json.dumps(measured(int(sys.argv[-1]))))
    else:
        main()
