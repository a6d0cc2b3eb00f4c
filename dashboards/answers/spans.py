"""The sums that answers are made of. selectors.py -> here -> the answers."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from dashboards.folds.base import MARKS
from dashboards.keys import split_field
from dashboards.ranges import cover
from dashboards.selectors import Span
from dashboards.store import live_keys, partitions
from shopsite.events.redis import redis_client

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
WEEK_HOURS = 168


def span(start: datetime, end: datetime) -> Span:
    """The buckets of [start, end), both aware; wider where finer ones are gone. Raises RedisError."""
    client = redis_client()
    keys = live_keys(client)
    return Span(client, keys, cover(client, keys, partitions(client, keys), start, end))


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
