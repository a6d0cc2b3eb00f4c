"""How much Redis a busy week takes: its events, some of them hostile, go straight to the folds.

Default: --hours of the week at the full rate, then each grain is multiplied to what its retention keeps of a
week. --whole folds all seven days (a run by hand, some hours); minute and second buckets that would
have expired meanwhile are deleted, since the week passes faster than Redis's clock.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Any

from redis import Redis
from support import Figure, at_most, finish, redis_alone

if TYPE_CHECKING:
    from shopsite.events.schemas import Click

RATE, VISITORS, PRODUCTS, NAMES = 200, 1_000_000, 50_000, 10_000  # a second; in all
PARTITIONS, ORDER_PARTITIONS = 6, 3
ORDERS_A_SECOND = 2
STAYS = 0.9  # goes on to a next page, so ten clicks a visit
AT_ONCE = 6_000  # visits that overlap, so five minutes each
HOSTILE = 0.02  # of clicks: a search, referrer, path and product that nobody sent before, long or odd
LIMIT_BYTES = 2 * 10**9
OF_A_WEEK = {"m": 48 * 60, "h": 7 * 24, "d": 7, "s": 15 * 60}  # buckets that the retention keeps of it
WIDTH = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
ODD = ("x" * 200, "購物車" * 40, "🛒‍♂️" * 30, "' OR 1=1 --", "(other)", "(off)", "a|b|c", "\x1f")
TYPES = ("view_item", "view_item_list", "search", "add_to_cart", "page_view", "begin_checkout", "view_cart")
SHARES = (62, 14, 9, 6, 5, 2, 2)


def zipf(count: int) -> list[float]:
    """Cumulative weights by rank."""
    return list(accumulate(1 / rank**0.9 for rank in range(1, count + 1)))


class Shoppers:
    """Makes the events of any minute."""

    def __init__(
        self, seed: int = 7, *, rate: float = RATE, orders: float = ORDERS_A_SECOND, products: int = PRODUCTS
    ) -> None:
        self.random, self.rate, self.orders_a_second = Random(seed), rate, orders
        self.products = [f"SF-{number:05}" for number in range(products)], zipf(products)
        self.present = [self.random.randrange(VISITORS) for _ in range(AT_ONCE)]
        self.names = [f"name {number}" for number in range(NAMES)], zipf(NAMES)

    def some(self, of: tuple[list[str], list[float]], count: int) -> list[str]:
        """So many of them, the frequent ones more often."""
        return self.random.choices(of[0], cum_weights=of[1], k=count)

    def clicks(self, minute: int) -> dict[int, list[Any]]:
        """A minute's clicks by partition."""
        random, count = self.random, round(self.rate * 60)
        found: dict[int, list[Any]] = defaultdict(list)
        kinds = random.choices(TYPES, weights=SHARES, k=count)
        words, hosts = self.some(self.names, count), self.some(self.names, count)
        picks = zip(kinds, self.some(self.products, count), words, hosts, strict=True)
        for number, (kind, product, word, host) in enumerate(picks):
            visitor = self.visitor()
            click = self.click(kind, product, word, host, visitor, minute + number / self.rate)
            found[visitor % PARTITIONS].append(click)
        return found

    def visitor(self) -> int:
        """One of those who are here; one in ten leaves, and somebody else comes."""
        place = self.random.randrange(AT_ONCE)
        if self.random.random() > STAYS:
            self.present[place] = self.random.randrange(VISITORS)
        return self.present[place]

    def click(self, kind: str, product: str, word: str, host: str, visitor: int, at: float) -> "Click":
        """One click, of somebody hostile now and then."""
        from shopsite.events.schemas import Click

        hostile = self.random.random() < HOSTILE
        if hostile:
            word = host = product = f"{self.random.getrandbits(64):x}{self.random.choice(ODD)}"
        arrives = hostile or self.random.random() < 0.2
        return Click(
            user_id=f"{visitor:032x}",
            session_id=f"{visitor:016x}{int(at) // 1800:016x}",
            product_id=product[:128],
            timestamp=datetime.fromtimestamp(at, UTC),
            type="search" if hostile else kind,  # type: ignore[arg-type]
            path=f"/p/{product}/",
            referrer=f"https://{host.replace(' ', '-')}.example/" if arrives else f"/c/{visitor % 40}/",
            campaign=f"campaign {visitor % 60}" if arrives else None,
            device=("phone", "desktop", "tablet")[visitor % 3],
            country=f"C{visitor % 90}",
            search=word[:200] if hostile or kind == "search" else None,
            results=0 if hostile or visitor % 5 == 0 else 9,
            category=f"shelf {visitor % 40}",
            returning=visitor % 3 != 0,
            bot=visitor % 50 == 0,
        )

    def orders(self, minute: int) -> dict[int, list[Any]]:
        """A minute's paid orders by partition, of three products each."""
        from decimal import Decimal

        from shopsite.events.schemas import OrderChanged, OrderLine

        found: dict[int, list[Any]] = defaultdict(list)
        for number in range(round(self.orders_a_second * 60)):
            lines = [
                OrderLine(product_id=product, quantity=1, price=Decimal("12.50"))
                for product in self.some(self.products, 3)
            ]
            order = OrderChanged(
                order_id=f"{minute}-{number}",
                user_id=f"{self.random.randrange(VISITORS):032x}",
                timestamp=datetime.fromtimestamp(minute + number / self.orders_a_second, UTC),
                type="order_paid",
                event_id=f"{minute}-{number}",
                amount=Decimal("37.50"),
                currency="EUR",
                lines=lines,
                previous="placed",
                status="paid",
            )
            found[number % ORDER_PARTITIONS].append(order)
        return found


def fill(client: Redis, hours: int, *, forget: bool) -> float:
    """Fold so many hours from a midnight on; returns events a second. forget: what would have expired."""
    from dashboards.counting.batch import fold, fold_delays
    from dashboards.counting.lately import recent, seen_lately
    from dashboards.counting.plan import Batch
    from dashboards.counting.steps import packed
    from dashboards.counting.store import Writer
    from dashboards.keys import first_keys

    shoppers, writer, offsets = Shoppers(), Writer(client, first_keys()), defaultdict[str, int](int)
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    started, count = time.monotonic(), 0
    for minute in range(hours * 60):
        at = int((midnight + timedelta(minutes=minute)).timestamp())
        now = datetime.fromtimestamp(at + 60, UTC)
        for topic, by_partition in (("clicks", shoppers.clicks(at)), ("orders", shoppers.orders(at))):
            for partition, events in by_partition.items():
                tp = f"{topic}-{partition}"
                if tp not in offsets:
                    writer.begin(tp)
                first, until = offsets[tp], offsets[tp] + len(events)
                batch = Batch(
                    tp=tp,
                    first=first,
                    next=until,
                    fresh=first == 0,
                    seq=until if topic == "orders" else 0,
                    figures=(fold(topic, events), fold_delays(events, now)),
                    seen=seen_lately(events, now),
                    steps=packed(events, now),
                    recent=recent(events, now),
                )
                if not writer.apply(batch):
                    sys.exit(f"{tp} was not applied at {first}")
                offsets[tp], count = until, count + len(events)
        if forget and minute % 60 == 59:
            expire(client, {"m": at - 48 * 3600, "s": at - 15 * 60})
            show(f"{minute // 60 + 1} of {hours} hours, {used(client) / 1e6:,.0f} MB")
    return count / (time.monotonic() - started)


def expire(client: Redis, before: dict[str, int]) -> None:
    """Delete the buckets of these grains that began before, as their TTL would have."""
    from dashboards.keys import first_keys

    for chunk in chunks(client.scan_iter(match=f"{first_keys().prefix}*:[ms]:*", count=5000)):
        places = ((key, first_keys().parse(key)) for key in chunk)
        if old := [key for key, place in places if place and place.start < before[place.grain]]:
            client.unlink(*old)


def chunks(keys: Iterator[Any], size: int = 5000) -> Iterator[list[Any]]:
    """The keys, so many at a time."""
    chunk: list[Any] = []
    for key in keys:
        chunk.append(key)
        if len(chunk) == size:
            yield chunk
            chunk = []
    yield chunk


def sizes(client: Redis) -> tuple[dict[tuple[str, str], list[int]], int, list[str]]:
    """(fold, grain) -> the bytes of each of its keys; the bytes of all others; keys without an end."""
    from dashboards.keys import first_keys

    found: dict[tuple[str, str], list[int]] = defaultdict(list)
    rest, endless = 0, []
    for chunk in chunks(client.scan_iter(count=5000)):
        pipe = client.pipeline(transaction=False)
        for key in chunk:
            pipe.memory_usage(key, samples=0)
            pipe.ttl(key)
        answers = pipe.execute()
        for key, size, ttl in zip(chunk, answers[::2], answers[1::2], strict=True):
            place = first_keys().parse(key)
            if place:
                found[place.fold, place.grain].append(size)
            else:
                rest += size
            if ttl < 0:
                endless.append(key.decode())
    return found, rest, endless


def show(words: str) -> None:
    """Tell how far it is, where somebody watches."""
    if sys.stderr.isatty():
        print(f"\r{words:<70}", end="", file=sys.stderr, flush=True)


def used(client: Redis) -> int:
    """What Redis has in use, bytes."""
    return int(client.info("memory")["used_memory"])


def table(found: dict[tuple[str, str], list[int]], *, whole: bool) -> dict[str, list[float]]:
    """Fold -> [keys, bytes, largest key] of the week; printed as a table."""
    folds: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    # every partition has every bucket of the sample: events is in all of them
    parts = {"clicks": PARTITIONS, "orders": ORDER_PARTITIONS}
    spans = {
        grain: max(1, round(len(found["events", grain]) / parts["clicks"])) for grain in ("s", "m", "h", "d")
    }
    for (fold, grain), list_ in found.items():
        factor = 1.0 if whole else OF_A_WEEK[grain] / spans[grain]
        row = folds[fold]
        row[0] += len(list_) * factor
        row[1] += sum(list_) * factor
        row[2] = max(row[2], *list_)
    print(f"\n{'fold':<24}{'keys':>12}{'MB':>10}{'largest, KB':>14}")
    for fold, (keys, size, largest) in sorted(folds.items(), key=lambda pair: -pair[1][1]):
        print(f"{fold:<24}{keys:>12,.0f}{size / 1e6:>10,.1f}{largest / 1e3:>14,.1f}")
    return folds


def main() -> None:
    """Start a Redis, fill it, end it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 3 minutes: one hour of the week")
    parser.add_argument("--hours", type=int, default=4, help="of the week to fold (4)")
    parser.add_argument("--whole", action="store_true", help="fold all of it")
    options = parser.parse_args()
    hours = 168 if options.whole else 1 if options.quick else options.hours
    with redis_alone() as client:
        measure(client, hours, whole=options.whole)


def measure(client: Redis, hours: int, *, whole: bool) -> None:
    """Fill, weigh, tell."""
    from dashboards.keys import ENDLESS

    empty = used(client)
    rate = fill(client, hours, forget=whole)
    found, rest, endless = sizes(client)
    weighed = sum(sum(some) for some in found.values()) + rest
    overhead = (used(client) - empty) / weighed  # of Redis itself: tables of keys and of their ends
    folds = table(found, whole=whole)
    week = (sum(row[1] for row in folds.values()) + rest) * max(1.0, overhead)
    unstated = [key for key in endless if key.rpartition(":")[2] not in ENDLESS]
    figures = [
        at_most("Redis for a busy week, default retention", week / 1e6, "MB", LIMIT_BYTES / 1e6),
        at_most("keys without an end that are not stated", len(unstated), "keys", 0),
        Figure("in use after the run", round((used(client) - empty) / 1e6, 1), "MB"),
        Figure("largest bucket", round(max(row[2] for row in folds.values()) / 1e3, 1), "KB"),
        Figure("events folded a second", round(rate), "events/s"),
    ]
    settings = {
        "hours": hours,
        "extrapolated": not whole,
        "rate": RATE,
        "products": PRODUCTS,
        "visitors": VISITORS,
        "names": NAMES,
        "hostile": HOSTILE,
        "overhead": round(overhead, 2),
    }
    finish("memory", settings, figures)


if __name__ == "__main__":
    main()
