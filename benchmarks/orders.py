"""What the shop sells: orders of other systems, charges, checkouts and a backlog, beside the limit and peers.

Starts what it needs: a PostgreSQL cluster with fsync and synchronous_commit on, Kafka, Redis and the shop's
processes; all of it is stopped by its id and gone at the end. The parts are in selling/.
"""

import math
import os
import signal
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from selling import charged, checkouts, elsewhere, limit, peer, stack, storefront
from selling.cluster import SETTINGS
from support import Figure, arguments, at_least, at_most, beside, finish, free_port


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    orders: int  # paid elsewhere
    backlog: int
    peer: int
    charged: int
    steady_seconds: float
    shoppers: int
    checkouts: int  # of each shopper
    seconds: float  # of each measurement of place_order


WHOLE = Size(20_000, 200_000, 1_000, 4_000, 30, 2, 100, 10)
QUICK = Size(6_000, 12_000, 150, 600, 8, 2, 15, 4)
STEADY = 100  # orders a second
BUYERS = 4  # processes that place orders
SHOP = (["consume"], ["worker"])


def main() -> None:
    """Measure all, one after the other."""
    size = QUICK if arguments(__doc__).quick else WHOLE
    figures: list[Figure] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that all that was started is stopped
    os.environ["GATEWAY_URL"] = f"http://127.0.0.1:{free_port()}"
    port = free_port()
    os.environ["SHOP_ORIGIN"] = f"http://127.0.0.1:{port}"
    with stack.stack():
        elsewhere.stock_up()
        for part in (orders_elsewhere, place_orders, charges, through_the_storefront, backlog):
            begun = time.perf_counter()
            print(f"{part.__name__.replace('_', ' ')} ...", flush=True)
            figures += part(size)
            print(f"  took {time.perf_counter() - begun:.0f} s", flush=True)
        settings = about(size)
    finish("orders", settings, figures)


def orders_elsewhere(size: Size) -> list[Figure]:
    """From Kafka to paid, beside COPY alone and one task an order."""
    ours = elsewhere.drain(size.orders, SHOP).per_second
    naive = peer.one_by_one(size.peer)
    forget_peer()
    copied, rows = limit.measure()
    oscar = peer.placed_by_oscar(size.peer)
    name = "paid elsewhere, from Kafka to paid"
    return [
        at_least(f"{name}: of the limit", ours / copied, "of 1", 0.4),
        beside(at_least(f"{name}: beside one task an order", ours / naive, "times", 40), naive, ours / naive),
        beside(at_least(f"{name}: beside django-oscar", ours / oscar, "times", 80), oscar, ours / oscar),
        beside(Figure(name, round(ours), "orders/s"), copied, ours / copied),
        Figure("COPY of all tables' rows, 2 connections", copied, "orders/s"),
        Figure("rows an order", rows, "rows"),
        Figure("one Celery task and transaction an order", naive, "orders/s"),
        Figure("django-oscar's place_order, 2 processes", oscar, "orders/s"),
    ]


def forget_peer() -> None:
    """Take the peer's rows away: the limit is about ours."""
    from orders.models import Order
    from shopsite.events.models import InboxEvent

    InboxEvent.objects.filter(topic="one-by-one").delete()
    Order.objects.filter(history__actor="peer").delete()


def place_orders(size: Size) -> list[Figure]:
    """place_order on both databases."""
    spread = checkouts.measure(BUYERS, size.seconds, checkouts.SPREAD)
    hot = checkouts.measure(BUYERS, size.seconds, checkouts.HOT)
    with checkouts.sqlite_shop() as env:
        sqlite = checkouts.measure(BUYERS, size.seconds, checkouts.SPREAD, env)
    forget_buyers()
    return [
        at_least("one hot product beside spread ones", hot / spread, "of 1", 0.5),
        Figure("checkouts, spread products, PostgreSQL", spread, "orders/s"),
        Figure("checkouts, one hot product, PostgreSQL", hot, "orders/s"),
        at_least("checkouts, SQLite", sqlite, "orders/s", 500),
    ]


def forget_buyers() -> None:
    """Leave untold what the buyers ordered: else thousands are charged before what is measured next."""
    from shopsite.events.models import OutboxEvent

    OutboxEvent.objects.filter(published_at=None).delete()


def charges(size: Size) -> list[Figure]:
    """Orders of another system that are charged here."""
    with stack.shop(*SHOP, *gateway(), ["relay"], ["beat"]):
        elsewhere.warm_up(3)
        per_second = charged.rate(size.charged)
        delays = charged.delays(STEADY, size.steady_seconds)
    name = f"charged, {STEADY} orders/s, produced to paid"
    return [
        at_least("charged through the gateway", per_second, "orders/s", 200),
        at_most(f"{name}, p50", statistics.median(delays), "ms", 60),
        at_most(f"{name}, p99", percentile(delays, 99), "ms", 200),
    ]


def through_the_storefront(size: Size) -> list[Figure]:
    """A browser's checkout, until the order's page says paid."""
    skus = stock_listed()
    port = os.environ["SHOP_ORIGIN"].rsplit(":", 1)[1]
    with stack.shop(["web", "--port", port], *SHOP, *gateway(), ["relay"]):
        delays = storefront.delays(os.environ["SHOP_ORIGIN"], skus, size.shoppers, size.checkouts)
    return [
        Figure("checkout over HTTP to paid on its page, p50", statistics.median(delays), "ms"),
        at_most("checkout over HTTP to paid on its page, p99", percentile(delays, 99), "ms", 500),
    ]


def stock_listed() -> list[str]:
    """Enough of some listed products."""
    from inventory.services import adjust
    from shopsite.catalogue.models import Product

    skus = list(Product.objects.filter(listed=True, price__isnull=False).values_list("sku", flat=True)[:9])
    for sku in skus:
        adjust(product_id=sku, change=100_000, reason="opening", actor="benchmark")
    return skus


def backlog(size: Size) -> list[Figure]:
    """Many orders that have heaped up."""
    drained = elsewhere.drain(size.backlog, SHOP, seed=5)
    figures = [Figure(f"backlog of {size.backlog:,} orders", drained.per_second, "orders/s")]
    for name, (start, middle, end) in drained.memory.items():
        print(f"  {name}: {start:.0f}, {middle:.0f}, {end:.0f} MiB", flush=True)
        figures.append(at_most(f"memory of {name}, end beside middle", end / middle, "times", 1.1))
    return figures


def gateway() -> Sequence[Sequence[str]]:
    """The simulated gateway, where it is a process of its own."""
    from django.core.management import get_commands

    return [["gateway"]] if "gateway" in get_commands() else []


def percentile(ordered: Sequence[float], percent: float) -> float:
    """Of values in order, by the nearest rank."""
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def about(size: Size) -> dict[str, object]:
    """What the figures depend on."""
    import django
    import psycopg
    from django.db import connection

    from shopsite.events import consume, drain

    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        (version,) = cursor.fetchone()
    return {
        "quick": size is QUICK,
        "cpus": os.cpu_count(),
        "python": sys.version.split()[0],
        "django": django.__version__,
        "psycopg": psycopg.__version__,
        "postgresql": version,
        **SETTINGS,
        "consume_batch": consume.BATCH,
        "drain_batch": drain.BATCH,
        "limit_batch": limit.BATCH,
        "processes": [command[0] for command in SHOP],
        "buyers": BUYERS,
    }


if __name__ == "__main__":
    main()
