"""The sums that answers are made of. dashboards/past/spans.py -> here -> the answers, alerts."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from dashboards.folds.base import MARKS
from dashboards.keys import split_field
from dashboards.past.spans import Sums, read_span
from shopsite.events.redis import redis_client

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
WEEK_HOURS = 168


def sums(start: datetime, end: datetime, *folds: str) -> dict[str, Sums]:
    """The folds' fields summed over [start, end), both aware; wider where finer buckets are gone.

    Raises RedisError, DatabaseError.
    """
    return read_span(redis_client(), start, end, lambda span: span.sums(*folds))


def distinct(start: datetime, end: datetime, *folds: str) -> list[int]:
    """How many distinct members each fold's sets have in [start, end). Raises RedisError, DatabaseError."""
    return read_span(redis_client(), start, end, lambda span: span.distinct(*folds))


def to_the_minute(at: datetime) -> datetime:
    """The start of the minute: the one that runs is not whole yet."""
    return at.replace(second=0, microsecond=0)


def by_kind(fields: Mapping[str, int]) -> dict[str, dict[str, int]]:
    """{"v": {"MUG": 3}} for {"v|MUG": 3}, without (other) and (off)."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for field, number in fields.items():
        kind, name = split_field(field)
        if name not in MARKS:
            found[kind][name] = number
    return found
