"""Figures of any range of time. Redis, the database -> spans.py -> here -> report.

All of it comes from the aggregates alone; what they can't tell exactly is said in `notes`.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from heapq import nlargest, nsmallest
from typing import Any

import redis

from dashboards.folds.base import MARKS, OFF
from dashboards.folds.funnel import STAGES
from dashboards.keys import Keys, money, split_field, split_revenue
from dashboards.past.ranges import Cover
from dashboards.past.spans import Kinds, Span, Sums, read_span
from dashboards.reports.byminute import by_minute

LONGEST_BY_MINUTE = 48 * 3600  # seconds of a range whose minutes are listed
CURRENCY = 3  # letters
SUMMED = ("events", "bots", "orders", "revenue", "refunds", "stock")
Minutes = list[dict[str, Any]]
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
    found = read_span(client, start, end, lambda span: _report(span, top))
    found.notes[:0] = _widened(start, end, found)
    return found


def _report(span: Span, top: int) -> Report:
    """The report of the span's range."""
    sets = ["visitors", "sessions", *(f"funnel.{stage}" for stage in STAGES)]
    span.load("products", *SUMMED, *sets)
    products, sums = span.sums_by_kind("products", *SUMMED)
    visitors, sessions, *stages = span.distinct(*sets)
    minutes, notes = list_minutes(span)
    return Report(
        start=datetime.fromtimestamp(span.cover.start, UTC),
        end=datetime.fromtimestamp(span.cover.end, UTC),
        events=_sorted(sums["events"]),
        bots=_sorted(sums["bots"]),
        visitors=visitors,
        sessions=sessions,
        orders={name: sums["orders"].get(name, 0) for name in ("orders", "lines", "units")},
        revenue=_money(sums["revenue"]),
        refunds=_refunds(sums["refunds"]),
        stock=_stock(sums["stock"]),
        products=rank_products(products, top),
        funnel=dict(zip(STAGES, stages, strict=True)),
        minutes=minutes,
        notes=[*notes, *short_of_views(products.get("v", {}).get(OFF, 0)), *_gaps(span.cover)],
    )


def list_minutes(span: Span) -> tuple[Minutes | None, list[str]]:
    """What happened in each minute in which something did, and what is to be said of it.

    None where the range is too long for a list.
    """
    if span.cover.end - span.cover.start > LONGEST_BY_MINUTE:
        return None, []
    found, whole = by_minute(span, ("events", "orders", "revenue"), figures_at)
    notes = [] if whole else ["some minutes are missing in the list: they are no longer kept one by one"]
    return found, notes


def rank_products(kinds: Kinds, top: int) -> list[ProductRow]:
    """The products of the fold `products`, by kind of field: by views, then revenue, then id; at most `top`.

    Revenue in several currencies is added up as if they were one, for the order only.
    """
    views, carts, units = (kinds.get(kind, {}) for kind in "vcu")
    amounts = kinds.get("r", {})
    currencies = sorted({name[:CURRENCY] for name in amounts})

    def revenue(product: str) -> Sums:
        return {of: amount for of in currencies if (amount := amounts.get(f"{of}|{product}")) is not None}

    first = nlargest(top + len(MARKS), views.values())
    if len(first) == top + len(MARKS):  # whoever is viewed less than all of these is not among them
        chosen = {product for product, number in views.items() if number >= first[-1]}
    else:
        chosen = {split_revenue(name)[1] for name in amounts}
        chosen.update(*(names for kind, names in kinds.items() if kind != "r"))

    def place(product: str) -> tuple[int, int, int, str]:
        return -views.get(product, 0), -sum(revenue(product).values()), -units.get(product, 0), product

    return [
        ProductRow(
            product_id=product,
            views=views.get(product, 0),
            carts=carts.get(product, 0),
            units=units.get(product, 0),
            revenue=_money(revenue(product)),
        )
        for product in nsmallest(top, chosen - MARKS, key=place)
    ]


def figures_at(at: int, folds: Mapping[str, Sums]) -> dict[str, Any]:
    """What a list of buckets says of one: at, events, orders, revenue."""
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


def _widened(start: datetime, end: datetime, used: Report) -> list[str]:
    if (used.start, used.end) == (start, end):
        return []
    return ["the range is wider than asked for: finer buckets are not kept for its ends"]


def short_of_views(off: int) -> list[str]:
    """By how much the views of a product may be short: full buckets drop the rarest ones."""
    return [f"views of a product may be up to {off:,} more: full buckets dropped the rarest"] if off else []


def _gaps(used: Cover) -> list[str]:
    return [
        f"{tp}: offsets {first} to {last} were gone from the log before they could be counted"
        for tp, life in used.heads.lives.items()
        for first, last in life.gaps
    ]


def read_gaps(client: redis.Redis, keys: Keys, tp: str) -> list[tuple[int, int]]:
    """The offsets [first, last) that the log had lost before they could be folded."""
    found = client.hgetall(keys.gaps(tp))
    return sorted((int(first), int(last)) for first, last in found.items())
