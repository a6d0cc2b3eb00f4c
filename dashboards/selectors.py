"""Figures of any range of time. Redis buckets -> ranges.py picks, store.py sums -> here -> report.

All of it comes from the aggregates alone; what they can't tell exactly is said in `notes`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis

from dashboards.folds.base import MARKS, OFF
from dashboards.folds.funnel import STAGES
from dashboards.keys import Keys, money, split_field, split_partition, split_revenue
from dashboards.ranges import Cover, cover, kept_minutes
from dashboards.store import count_union, live_keys, partitions, read_hashes, sum_hashes

LONGEST_BY_MINUTE = 48 * 3600  # seconds of a range whose minutes are listed
Sums = dict[str, int]
Money = dict[str, str]  # currency -> exact decimal


@dataclass(frozen=True, kw_only=True)
class ProductRow:
    """What happened to one product."""

    product_id: str
    views: int
    carts: int
    units: int
    revenue: Money  # price x quantity; nothing where prices are unknown


@dataclass(frozen=True, kw_only=True)
class Refunds:
    """What was given back, all of it positive."""

    orders: int
    lines: int
    units: int
    amount: Money


@dataclass(kw_only=True)
class Report:
    """The figures of [start, end), which may be wider than what was asked for."""

    start: datetime
    end: datetime
    events: Sums
    bots: Sums
    visitors: int
    sessions: int
    orders: Sums  # orders, lines, units
    revenue: Money
    refunds: Refunds
    stock: dict[str, Sums]
    products: list[ProductRow]
    funnel: Sums
    minutes: list[dict[str, Any]] | None  # None: the range is too long for a list of minutes
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """What `report --json` prints."""
        figures: dict[str, object] = {
            "from": rfc3339(self.start),
            "to": rfc3339(self.end),
            "events": self.events,
            "visitors": self.visitors,
            "sessions": self.sessions,
            **self.orders,
            "revenue": self.revenue,
            "refunds": asdict(self.refunds),
            "stock": self.stock,
            "products": [asdict(row) for row in self.products],
            "funnel": self.funnel,
        }
        if self.minutes is not None:
            figures["minutes"] = self.minutes
        return figures | {"bots": self.bots, "notes": self.notes}


def rfc3339(moment: datetime | int) -> str:
    """The moment (aware, or epoch seconds) in UTC: "2019-11-01T00:00:00Z"."""
    at = datetime.fromtimestamp(moment, UTC) if isinstance(moment, int) else moment.astimezone(UTC)
    return at.isoformat().replace("+00:00", "Z")


def report(client: redis.Redis, start: datetime, end: datetime, top: int = 20) -> Report:
    """The figures of [start, end), both aware.

    Where the buckets that fine are no longer kept, the range is widened; the report says what was used.
    Raises ValueError where the range is empty, RedisError where Redis does not answer.
    """
    if start >= end:
        raise ValueError(f"the range is empty: {rfc3339(start)} is not before {rfc3339(end)}")
    keys = live_keys(client)
    span = Span(client, keys, cover(client, keys, partitions(client, keys), start, end))
    sums = span.sums("events", "bots", "orders", "revenue", "refunds", "stock", "products")
    return Report(
        start=datetime.fromtimestamp(span.cover.start, UTC),
        end=datetime.fromtimestamp(span.cover.end, UTC),
        events=_sorted(sums["events"]),
        bots=_sorted(sums["bots"]),
        visitors=span.distinct("visitors"),
        sessions=span.distinct("sessions"),
        orders={name: sums["orders"].get(name, 0) for name in ("orders", "lines", "units")},
        revenue=_money(sums["revenue"]),
        refunds=_refunds(sums["refunds"]),
        stock=_stock(sums["stock"]),
        products=rank_products(sums["products"], top),
        funnel={stage: span.distinct(f"funnel.{stage}") for stage in STAGES},
        minutes=span.minutes(),
        notes=[
            *_widened(start, end, span.cover),
            *span.notes,
            *_short(sums["products"]),
            *_gaps(client, keys, span.tps),
        ],
    )


class Span:
    """Reads the buckets of one range."""

    def __init__(self, client: redis.Redis, keys: Keys, chosen: Cover) -> None:
        self._client, self._keys, self.cover = client, keys, chosen
        self.tps = list(chosen.buckets)
        self.notes: list[str] = []

    def sums(self, *folds: str) -> dict[str, Sums]:
        """Each fold's fields summed over the range and all partitions."""
        groups = [(fold, self._names(tp, fold)) for fold in folds for tp in self.tps]
        sums: dict[str, Sums] = {fold: defaultdict(int) for fold in folds}
        found = sum_hashes(self._client, [names for _, names in groups])
        for (fold, _), part in zip(groups, found, strict=True):
            for name, number in part.items():
                sums[fold][name] += number
        return sums

    def distinct(self, fold: str) -> int:
        """How many distinct members the fold's sets have together (0.81 % standard error)."""
        return count_union(self._client, [self._names(tp, fold) for tp in self.tps])

    def minutes(self) -> list[dict[str, Any]] | None:
        """What happened in each minute in which something did; None where the range is too long."""
        if self.cover.end - self.cover.start > LONGEST_BY_MINUTE:
            return None
        found, whole = kept_minutes(self._client, self._keys, self.tps, (self.cover.start, self.cover.end))
        if not whole:
            self.notes.append("some minutes are missing in the list: they are no longer kept one by one")
        wanted = [("clicks", "events"), ("orders", "orders"), ("orders", "revenue")]
        groups = [
            (fold, found[tp], [self._keys.bucket(tp, "m", at, fold) for at in found[tp]])
            for topic, fold in wanted
            for tp in self.tps
            if split_partition(tp)[0] == topic
        ]
        by_minute: dict[int, dict[str, Sums]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        hashes = read_hashes(self._client, [names for _, _, names in groups])
        for (fold, starts, _), each in zip(groups, hashes, strict=True):
            for at, fields in zip(starts, each, strict=True):
                for name, number in fields.items():
                    by_minute[at][fold][name] += number
        return [_minute(at, by_minute[at]) for at in sorted(by_minute)]

    def _names(self, tp: str, fold: str) -> list[str]:
        return [self._keys.bucket(tp, grain, at, fold) for grain, at in self.cover.buckets[tp]]


def rank_products(fields: Mapping[str, int], top: int) -> list[ProductRow]:
    """The products of the fold `products` by views, then revenue, then id; at most `top`.

    Revenue in several currencies is added up as if they were one, for the order only.
    """
    numbers: dict[str, Sums] = defaultdict(lambda: defaultdict(int))
    revenue: dict[str, Sums] = defaultdict(dict)
    for name, number in fields.items():
        kind, product = split_field(name)
        if kind == "r":
            currency, product = split_revenue(product)
            revenue[product][currency] = number
        if product not in MARKS:
            numbers[product][kind] += number

    def place(product: str) -> tuple[int, int, int, str]:
        found = numbers[product]
        return -found["v"], -found["r"], -found["u"], product

    return [
        ProductRow(
            product_id=product,
            views=numbers[product]["v"],
            carts=numbers[product]["c"],
            units=numbers[product]["u"],
            revenue=_money(revenue[product]),
        )
        for product in sorted(numbers, key=place)[:top]
    ]


def _minute(at: int, folds: Mapping[str, Sums]) -> dict[str, Any]:
    return {
        "at": rfc3339(at),
        "events": _sorted(folds["events"]),
        "orders": folds["orders"].get("orders", 0),
        "revenue": _money(folds["revenue"]),
    }


def _sorted(sums: Mapping[str, int]) -> Sums:
    return {name: sums[name] for name in sorted(sums)}


def _money(sums: Mapping[str, int]) -> Money:
    return {currency: money(sums[currency]) for currency in sorted(sums)}


def _refunds(sums: Mapping[str, int]) -> Refunds:
    amounts = {split_field(name)[1]: number for name, number in sums.items() if name.startswith("amount|")}
    return Refunds(
        orders=sums.get("orders", 0),
        lines=sums.get("lines", 0),
        units=sums.get("units", 0),
        amount=_money(amounts),
    )


def _stock(sums: Mapping[str, int]) -> dict[str, Sums]:
    reasons: dict[str, Any] = defaultdict(lambda: {"events": 0, "change": 0})
    for name in sorted(sums):
        what, reason = split_field(name)
        if reason == OFF:
            continue
        reasons[reason][what] = sums[name]
    return dict(sorted(reasons.items()))


def _widened(start: datetime, end: datetime, used: Cover) -> list[str]:
    if (used.start, used.end) == (start.timestamp(), end.timestamp()):
        return []
    return ["the range is wider than asked for: finer buckets are not kept for its ends"]


def _short(products: Mapping[str, int]) -> list[str]:
    """By how much the views of a product may be short: full buckets drop the rarest ones."""
    off = products.get(f"v|{OFF}", 0)
    return [f"views of a product may be up to {off:,} more: full buckets dropped the rarest"] if off else []


def _gaps(client: redis.Redis, keys: Keys, tps: Sequence[str]) -> list[str]:
    return [
        f"{tp}: offsets {first} to {last} were gone from the log before they could be counted"
        for tp in tps
        for first, last in read_gaps(client, keys, tp)
    ]


def read_gaps(client: redis.Redis, keys: Keys, tp: str) -> list[tuple[int, int]]:
    """The offsets [first, last) that the log had lost before they could be folded."""
    found = client.hgetall(keys.gaps(tp))
    return sorted((int(first), int(last)) for first, last in found.items())
