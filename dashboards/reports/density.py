"""When orders came, in steps of ten minutes over a day. course.py -> here -> the scrubber.

Read by minutes, as `report` does. A viewer's page asks for it once a minute; all of one process share the
answer, so that many viewers cost no more than one.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import redis
from django.core.cache import cache

from dashboards.past.borders import Span, floor
from dashboards.reports.course import read_kept_minutes

STEP_S = 600
STEPS = 144
FRESH_S = 20  # the running step of two pages differs by no more than this


@dataclass(frozen=True)
class Density:
    """Orders of one day."""

    start: int  # epoch seconds of the first step
    orders: list[int | None]  # one a step; None: no longer kept so fine


def read_density(client: redis.Redis, at: int) -> Density:
    """The day whose last step holds the moment `at` (epoch seconds). Raises RedisError."""
    end = floor(at, STEP_S) + STEP_S
    name = f"density:{end}"
    found: Density | None = cache.get(name)
    if found is None:
        found = _read(client, end)
        cache.set(name, found, FRESH_S)
    return found


def _read(client: redis.Redis, end: int) -> Density:
    start = end - STEPS * STEP_S
    spans, orders = read_kept_minutes(client, start, end, "orders")
    sums: Counter[int] = Counter()
    for minute, folds in orders.items():
        sums[floor(minute, STEP_S)] += folds["orders"].get("orders", 0)
    known = [sums[at] if _within(at, spans) else None for at in range(start, end, STEP_S)]
    return Density(start, known)


def _within(at: int, spans: Sequence[Span]) -> bool:
    return any(low <= at < high for low, high in spans)
