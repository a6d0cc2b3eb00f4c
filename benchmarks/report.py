"""How long a report takes, of today and of a year, where 2,000 products are busy each day.

An embedded Redis and a database of its own (SQLite, or a test database beside DATABASE_URL's) get what a
shop has that ran for a year: today and yesterday in Redis, what is older in rows and their totals. Some days
are folded from made-up events; the others are these again, moved in time.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from memory import ORDER_PARTITIONS, PARTITIONS, Shoppers
from redis import Redis
from support import Figure, arguments, at_most, finish, redis_alone

DAY, HOUR = 86_400, 3600
CLICKS, ORDERS, PRODUCTS = 1.0, 1 / 60, 2_000  # clicks and orders a second; products looked at on any day
FINE_DAYS = 8  # of the past that have hours, besides the year's ends; a year of them would only fill the disk
TODAY_MS, YEAR_MS = 10, 50
NOW = timedelta(hours=20, minutes=41)  # what of today is over


class Shop:
    """Folds days into Redis, and moves them on into the database."""

    def __init__(self, client: Redis) -> None:
        from dashboards.counting.store import Writer
        from dashboards.keys import first_keys

        self.client, self.writer = client, Writer(client, first_keys())
        self.shoppers = Shoppers(rate=CLICKS, orders=ORDERS, products=PRODUCTS)
        self.offsets: dict[str, int] = defaultdict(int)

    def day(self, midnight: int, until: int = DAY) -> None:
        """Fold a day, or its first seconds, an hour a batch."""
        for hour in range(midnight, midnight + until, HOUR):
            events: dict[tuple[str, int], list[Any]] = defaultdict(list)
            for minute in range(hour, min(hour + HOUR, midnight + until), 60):
                for topic, made in (
                    ("clicks", self.shoppers.clicks(minute)),
                    ("orders", self.shoppers.orders(minute)),
                ):
                    for partition, some in made.items():
                        events[topic, partition] += some
            for (topic, partition), some in events.items():
                self.fold(topic, partition, some)

    def fold(self, topic: str, partition: int, events: list[Any]) -> None:
        """Apply one batch."""
        from dashboards.counting.batch import fold, fold_delays
        from dashboards.counting.plan import Batch

        tp = f"{topic}-{partition}"
        first = self.offsets[tp]
        if not first:
            self.writer.begin(tp)
        self.offsets[tp] = until = first + len(events)
        figures = fold(topic, events), fold_delays(events, events[-1].timestamp)
        seq = until if topic == "orders" else 0
        if not self.writer.apply(Batch(tp, first, until, fresh=not first, seq=seq, figures=figures)):
            sys.exit(f"{tp} was not applied at {first}")

    def move(self) -> None:
        """All that Redis has goes to the database, as if nobody had touched it for long."""
        from django.conf import settings

        from dashboards.past.history import write_history

        settings.HISTORY_SETTLED_MINUTES = settings.HISTORY_MOVE_HOURS = 0
        if not write_history(self.client, seconds=600).finished:
            sys.exit("the history was not written in time")


def fill(client: Redis, today: int, days: int, folded: int) -> Shop:
    """A year of days up to now, of which so many are folded and the others copies."""
    from dashboards.past.totals import make_totals

    shop = Shop(client)
    past = [today - n * DAY for n in range(2, days + 1)]
    for midnight in past[:folded]:
        shop.day(midnight)
    shop.move()
    fine = {*past[:FINE_DAYS], past[-1]}
    for place, midnight in enumerate(past[folded:]):
        copy(past[place % folded], midnight, with_hours=midnight in fine)
    make_totals(client, seconds=600)
    shop.day(today - DAY)
    shop.day(today, until=int(NOW.total_seconds()))
    return shop


def copy(source: int, target: int, *, with_hours: bool) -> None:
    """The rows of one day under another."""
    from dashboards.models import Rollup
    from dashboards.past.rollups import pack, unpack

    shift = target - source
    grains = "hd" if with_hours else "d"
    rows = list(Rollup.objects.filter(grain__in=grains, start=source))
    for row in rows:
        row.pk = None
        row.start += shift
        row.data = pack({at + shift: value for at, value in unpack(row.data).items()})
    Rollup.objects.bulk_create(rows)


def timed(ask: Callable[[], object], times: int, shop: Shop, minute: int) -> tuple[float, float]:
    """The first time and the median of the others, ms; before each, the running minute goes on."""
    from dashboards.past.remembered import REMEMBERED

    REMEMBERED.clear()
    found = []
    for _ in range(times + 1):
        for partition, clicks in shop.shoppers.clicks(minute).items():
            shop.fold("clicks", partition, clicks)
        begun = time.perf_counter()
        ask()
        found.append((time.perf_counter() - begun) * 1000)
    return found[0], median(found[1:])


def first_of(name: str, first: float) -> Figure:
    """A first report's figure; only those of a year have a limit."""
    told = f"report: {name}, first"
    return at_most(told, first, "ms", YEAR_MS) if "year" in name else Figure(told, round(first, 1), "ms")


def measure(client: Redis, *, quick: bool) -> None:
    """Fill, ask, tell."""
    from django.db import connection

    from dashboards.models import Rollup
    from dashboards.past.presence import SETTLED_S
    from dashboards.reports.selectors import report
    from dashboards.reports.series import read_series
    from shopsite.garbage import collect_seldom

    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days, folded, times = (366, 1, 15) if quick else (366, 4, 50)
    begun = time.monotonic()
    shop = fill(client, int(today.timestamp()), days, folded)
    filled = time.monotonic() - begun
    collect_seldom()
    time.sleep(SETTLED_S + 1)  # hours that are over are not of this second
    now = today + NOW
    minute = int(now.timestamp()) - 60
    ranges = {
        "today until now": (today, now, TODAY_MS),
        "yesterday, whole": (today - timedelta(days=1), today, TODAY_MS),
        "the last 7 days": (now - timedelta(days=7), now, YEAR_MS),
        "a year until midnight": (today - timedelta(days=365), today, YEAR_MS),
        "a year until now": (now - timedelta(days=365), now, YEAR_MS),
    }
    figures, sizes = [], {}
    for name, (start, end, limit) in ranges.items():
        first, usual = timed(lambda: report(client, start, end), times, shop, minute)  # noqa: B023 - called at once
        found = report(client, start, end, top=10**9)
        sizes[name] = {"clicks": sum(found.events.values()), "products": len(found.products)}
        figures += [
            first_of(name, first),
            at_most(f"report: {name}", usual, "ms", limit),
        ]
    _, usual = timed(lambda: read_series(client, "week", today - timedelta(days=365), today), 3, shop, minute)
    figures.append(Figure("series: a year by weeks of the shop", round(usual, 1), "ms"))
    settings = {
        "database": connection.vendor,
        "clicks_a_day": round(CLICKS * DAY),
        "orders_a_day": round(ORDERS * DAY),
        "products": PRODUCTS,
        "partitions": PARTITIONS + ORDER_PARTITIONS,
        "days": days,
        "folded": folded + 2,
        "rows": Rollup.objects.count(),
        "median_of": times,
        "filled_s": round(filled),
        "ranges": sizes,
    }
    finish("report", settings, figures)


@contextmanager
def servers() -> Iterator[Redis]:
    """A Redis and a database of their own."""
    with redis_alone() as client:
        from django.db import connection

        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        try:
            yield client
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


if __name__ == "__main__":
    quick = arguments(__doc__ or "").quick
    with servers() as redis_client:
        measure(redis_client, quick=quick)
