"""Which products are looked at far more than they usually are. Sums of views -> here -> page, shop.

docs/metrics.md, "Trending".
"""

from collections.abc import Mapping
from datetime import datetime
from math import sqrt
from typing import NamedTuple

from dashboards.answers.spans import HOUR, WEEK, by_kind, sums, to_the_minute

LEAST_VIEWS = 5  # in the hour: below it chance speaks
LEAST_RATIO = 2.0
LEAST_SCORE = 3.0
SHOWN = 20


class Trend(NamedTuple):
    """A product that is looked at more than it usually is."""

    product_id: str
    views: int  # in the last hour
    usual: float  # views that it would have at its share of the week's views
    score: float  # standard deviations above that


def trends(hour: Mapping[str, int], week: Mapping[str, int]) -> list[Trend]:
    """The products that trend, the most surprising first.

    hour, week: product -> views, in the last hour and in the seven days before it. Nothing trends before
    there is a week to compare with.
    """
    now, before = sum(hour.values()), sum(week.values())
    if not before:
        return []
    found = [_trend(product, views, now * week.get(product, 0) / before) for product, views in hour.items()]
    first = [trend for trend in found if _counts(trend)]
    return sorted(first, key=lambda trend: (-trend.score, trend.product_id))[:SHOWN]


def _trend(product: str, views: int, usual: float) -> Trend:
    return Trend(product, views, round(usual, 2), round((views - usual) / sqrt(usual + 1), 2))


def _counts(trend: Trend) -> bool:
    enough = trend.views >= LEAST_VIEWS and trend.views >= LEAST_RATIO * trend.usual
    return enough and trend.score >= LEAST_SCORE


def read_trends(now: datetime) -> list[Trend]:
    """What trends now. Raises RedisError."""
    end = to_the_minute(now)
    hour = by_kind(sums(end - HOUR, end, "products")["products"])
    # by whole hours: days are read as days, and a week's normal does not hang on minutes
    begin = (end - HOUR).replace(minute=0)
    week = by_kind(sums(begin - WEEK, begin, "products")["products"])
    return trends(hour["v"], week["v"])
