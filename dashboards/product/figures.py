"""What happened to one product, in sum and by buckets. The fold `products` -> here -> page.py."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from dashboards.answers.spans import sums
from dashboards.folds.base import OFF
from dashboards.keys import split_revenue
from dashboards.reports.calendar import ReportGrain, before, borders
from dashboards.reports.course import read_course, used_edges
from dashboards.reports.selectors import short_of_views
from dashboards.reports.series import MOVED
from shopsite.events.redis import redis_client

WINDOW = timedelta(minutes=30)


class Figures(NamedTuple):
    """One product's figures of some time."""

    views: int
    carts: int
    units: int
    revenue: int  # micros, in the shop's currency
    others: tuple[str, ...] = ()  # currencies in which there was revenue as well

    def __bool__(self) -> bool:
        """Whether anything happened."""
        return any(self[:4]) or bool(self.others)


def figures_of(fields: Mapping[str, int], sku: str, currency: str) -> Figures:
    """The product's figures among all fields of `products`."""
    sold_in = {
        split_revenue(name[2:])[0]
        for name in fields
        if name.startswith("r|") and split_revenue(name[2:])[1] == sku
    }
    views, carts, units = (fields.get(f"{kind}|{sku}", 0) for kind in "vcu")
    revenue = fields.get(f"r|{currency}|{sku}", 0)
    return Figures(views, carts, units, revenue, tuple(sorted(sold_in - {currency})))


class Beside(NamedTuple):
    """Figures, and those of the same time a week before."""

    now: Figures
    was: Figures


def beside_last_week(sku: str, start: datetime, end: datetime, currency: str) -> Beside:
    """The figures of [start, end) and a week before by the shop's clock. Raises RedisError, DatabaseError."""
    spans = ((start, end), before("week", start, end))
    now, was = (figures_of(sums(*span, "products")["products"], sku, currency) for span in spans)
    return Beside(now, was)


class Course(NamedTuple):
    """The figures bucket by bucket."""

    edges: list[int]  # epoch seconds: where each begins, and where the last one ends
    figures: list[Figures]
    notes: list[str]


def read_figures(sku: str, grain: ReportGrain, start: datetime, end: datetime, currency: str) -> Course:
    """The figures of each bucket of the shop's calendar in [start, end). Raises RedisError, DatabaseError."""
    edges = borders(grain, start, end)
    used = used_edges(redis_client(), edges)
    found = read_course(redis_client(), "products", grain, used)
    notes = [] if used == edges else [MOVED]
    notes += short_of_views(sum(one.get(f"v|{OFF}", 0) for one in found))
    return Course(edges, [figures_of(one, sku, currency) for one in found], notes)
