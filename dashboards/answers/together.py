"""Which products are bought in one order more often than chance would have it. Pairs -> here -> page, shop.

docs/metrics.md, "Bought together".
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from math import sqrt
from typing import NamedTuple

from dashboards.answers.spans import by_kind, sums
from dashboards.keys import STEP

DAYS = 30
LEAST_ORDERS = 2
PARTNERS = 8  # kept of each product
MOST_PRODUCTS = 20_000  # with partners


class Partner(NamedTuple):
    """A product that is bought with another."""

    product_id: str
    orders: int  # with both
    lift: float  # how many times more often than if the two were independent


Partners = dict[str, list[Partner]]


def partners(singles: Mapping[str, int], pairs: Mapping[str, int], orders: int) -> Partners:
    """Product -> its partners, the closest first (by the cosine of the two).

    singles: orders by product; pairs: orders by "A STEP B"; orders: of all.
    """
    ranked: dict[str, list[tuple[float, Partner]]] = defaultdict(list)
    for pair, both in pairs.items():
        one, _, two = pair.partition(STEP)
        # of what a full bucket dropped the single counts may be short, but never below the pair's own
        of_one, of_two = max(singles.get(one, 0), both), max(singles.get(two, 0), both)
        lift = both * max(orders, of_one, of_two) / (of_one * of_two)
        if both < LEAST_ORDERS or lift <= 1:
            continue
        closeness = both / sqrt(of_one * of_two)
        ranked[one].append((closeness, Partner(two, both, round(lift, 1))))
        ranked[two].append((closeness, Partner(one, both, round(lift, 1))))
    return {product: _first(some) for product, some in sorted(ranked.items())[:MOST_PRODUCTS]}


def _first(some: list[tuple[float, Partner]]) -> list[Partner]:
    return [partner for _, partner in sorted(some, key=lambda pair: (-pair[0], pair[1]))[:PARTNERS]]


def read_partners(now: datetime) -> Partners:
    """The partners of the last 30 days. Raises RedisError."""
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    found = sums(end - timedelta(days=DAYS), end, "pairs", "orders")
    kinds = by_kind(found["pairs"])
    return partners(kinds["o"], kinds["p"], found["orders"].get("orders", 0))
