"""The figures of a range, of all or as a filter sees them. selectors.py, recipes.py -> here -> page.py.

A filter has what is counted by its value: no people, for these are told apart for half an hour only
(decision 031), so its funnel counts steps. What is not split is None, or missing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import NamedTuple

import redis
from django.conf import settings

from dashboards.answers.spans import by_kind
from dashboards.folds.base import OFF
from dashboards.keys import micros
from dashboards.past.spans import Kinds, Span, Sums, read_span
from dashboards.reports.course import read_each
from dashboards.reports.selectors import ProductRow, Report, rank_products, report
from dashboards.screen.filters import View
from dashboards.screen.live import products_of
from dashboards.screen.recipes import RECIPES, Part

TOP = 10
WHOLE = ("events", "orders", "revenue")


class Bucket(NamedTuple):
    """What happened in one piece of the range; None: not split by the filter."""

    clicks: int
    orders: int | None
    revenue: int | None  # micros, in the shop's currency


@dataclass
class Told:
    """What is told of a range."""

    visitors: int | None = None
    sales: int | None = None  # micros
    orders: int | None = None
    conversion: float | None = None
    average: float | None = None
    funnel: Mapping[str, int] = field(default_factory=dict)
    products: Sequence[ProductRow] | None = None
    quiet: bool = True  # nothing happened
    notes: list[str] = field(default_factory=list)


def tell(client: redis.Redis, view: View, start: datetime, end: datetime) -> Told:
    """The figures of [start, end), both aware. Raises RedisError, DatabaseError."""
    if not view.by:
        return _of_all(report(client, start, end, TOP))
    found = read_span(client, start, end, lambda span: _of_value(span, view))
    used = found.used
    if used != (int(start.timestamp()), int(end.timestamp())):
        found.told.notes.append(
            f"finer buckets are not kept: these are from {_when(used[0])} to {_when(used[1])}"
        )
    return found.told


def tell_each(client: redis.Redis, view: View, edges: Sequence[int]) -> list[Bucket]:
    """The figures between each two of these edges."""
    if view.by:
        recipe = RECIPES[view.by]
        clicks = recipe.seen_by(view)
        folds = {part.fold for part in (*clicks, recipe.orders, recipe.revenue) if part}
        return [
            Bucket(
                sum(_of(part, view, sums) or 0 for part in clicks),
                _of(recipe.orders, view, sums),
                _of(recipe.revenue, view, sums),
            )
            for sums in read_each(client, edges, *folds)
        ]
    return [
        Bucket(
            sum(number for fold in sums.keys() & {"events", "bots"} for number in sums[fold].values()),
            sums["orders"].get("orders", 0),
            sums["revenue"].get(settings.SHOP_CURRENCY, 0),
        )
        for sums in read_each(client, edges, *WHOLE, *(["bots"] if view.bots else []))
    ]


def _of_all(found: Report) -> Told:
    sales, orders = micros(Decimal(found.revenue.get(settings.SHOP_CURRENCY, "0"))), found.orders["orders"]
    viewed = found.funnel["view_item"]
    return Told(
        visitors=found.visitors,
        sales=sales,
        orders=orders,
        conversion=found.funnel["purchase"] / viewed if viewed else None,
        average=_average(sales, orders, found.revenue),
        funnel=found.funnel,
        products=found.products,
        quiet=not (found.events or orders),
        notes=found.notes,
    )


def _average(sales: int, orders: int, revenue: Mapping[str, object]) -> float | None:
    """None, too, where some orders were in other currencies: which ones, nobody counts."""
    return sales / orders if orders and not revenue.keys() - {settings.SHOP_CURRENCY} else None


class _Read(NamedTuple):
    told: Told
    used: tuple[int, int]


def _of_value(span: Span, view: View) -> _Read:
    recipe = RECIPES[view.by]
    clicks, stages = recipe.seen_by(view), recipe.stages
    parts = [part for part in (*clicks, *stages.values(), recipe.orders, recipe.revenue) if part]
    sums = span.sums("products", "revenue", *{part.fold for part in parts} - {"products"})
    sales, orders = _of(recipe.revenue, view, sums), _of(recipe.orders, view, sums)
    funnel = {stage: _of(part, view, sums) or 0 for stage, part in stages.items()}
    average = _average(sales or 0, orders or 0, sums["revenue"]) if recipe.average else None
    told = Told(
        sales=sales,
        orders=orders,
        average=average,
        funnel=funnel,
        products=_rows(by_kind(sums["products"]), view),
        quiet=not (orders or any(_of(part, view, sums) for part in clicks)),
    )
    if off := max(
        sums[part.fold].get(part.prefix.replace("{}", settings.SHOP_CURRENCY) + OFF, 0) for part in clicks
    ):
        told.notes.append(f"clicks may be up to {off:,} more: full buckets dropped what was rare")
    return _Read(told, (span.cover.start, span.cover.end))


def _rows(kinds: Kinds, view: View) -> Sequence[ProductRow] | None:
    """The products that the filter is of; None where they are not counted by its value."""
    if view.by == "product":
        chosen = frozenset((view.value,))
    elif view.by == "category":
        chosen = products_of(view.value)
    else:
        return None
    return rank_products(
        {
            kind: {name: number for name, number in fields.items() if name.rpartition("|")[2] in chosen}
            if kind == "r"
            else {name: fields[name] for name in chosen & fields.keys()}
            for kind, fields in kinds.items()
        },
        TOP,
    )


def _of(part: Part | None, view: View, sums: Mapping[str, Sums]) -> int | None:
    return sums[part.fold].get(part.field(view.value, settings.SHOP_CURRENCY), 0) if part else None


def _when(at: int) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC"
