"""One statistic alone: over a range, or by buckets of the shop's calendar. spans.py -> here -> the API."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

import redis

from dashboards.counting.store import live_partitions
from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import Keys
from dashboards.past.borders import Span as Borders
from dashboards.past.borders import some
from dashboards.past.heads import Heads
from dashboards.past.ranges import SHORT_S, Cover, between, kept_by, of_grain
from dashboards.past.spans import Span, Sums, read_span, read_steadily
from dashboards.reports.calendar import ReportGrain

COUNTED: Final = sorted({fold.name for fold in FOLDS if isinstance(fold, Counts)} | {"delay"})
DISTINCT: Final = sorted({fold.name for fold in FOLDS if isinstance(fold, Uniques)})
AT_ONCE = 60  # buckets whose hashes are held at once: of a wide fold an hour has thousands of fields


def names_are(statistic: str) -> str:
    """What the names of a statistic's numbers are, in words."""
    return next((fold.keys for fold in FOLDS if fold.name == statistic), "upper bound, ms")


def read_total(client: redis.Redis, statistic: str, start: datetime, end: datetime) -> Sums:
    """The statistic's numbers of [start, end) by name; of distinct people one, named as the statistic."""
    return read_span(client, start, end, lambda span: _taken(span, statistic))


def _taken(span: Span, statistic: str) -> Sums:
    if statistic in DISTINCT:
        (people,) = span.distinct(statistic)
        return {statistic: people}
    return span.sums(statistic)[statistic]


def used_edges(client: redis.Redis, edges: Sequence[int]) -> list[int]:
    """Bounds of buckets, moved where finer ones are no longer kept: so that each moment is in one bucket.

    The first one down, the others up, so that a bucket holds the hours (or days) that begin in it; two
    bounds may then be the same.
    """
    keys, tps = live_partitions(client)
    return Heads(client, keys, tps, edges).widened_edges(edges)


def read_course(client: redis.Redis, statistic: str, grain: ReportGrain, edges: Sequence[int]) -> list[Sums]:
    """The statistic's numbers between each two of these edges, which used_edges() gave."""
    if statistic in COUNTED and grain in ("minute", "hour"):
        return _read_few(client, statistic, edges)
    moments = [datetime.fromtimestamp(at, UTC) for at in edges]
    return [read_total(client, statistic, low, high) if low < high else {} for low, high in pairwise(moments)]


def _read_few(client: redis.Redis, statistic: str, edges: Sequence[int]) -> list[Sums]:
    """As read_each(), but a few buckets at once; which buckets there are is asked once for all of them."""

    def take(span: Span) -> list[Sums]:
        heads = span.cover.heads
        parts = ((some, Span(client, span.keys, between(heads, some))) for some in _few(edges))
        return [
            folds[statistic]
            for some, part in parts
            for folds in _by_edges(part.each(statistic), some, statistic)
        ]

    return read_steadily(client, _choose_between(client, edges), take)


def _few(edges: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(edges) - 1, AT_ONCE):
        yield edges[first : first + AT_ONCE + 1]


def read_each(client: redis.Redis, edges: Sequence[int], *folds: str) -> list[dict[str, Sums]]:
    """Fold -> fields of what lies between each two of these edges, all of it in one reading."""
    choose = _choose_between(client, edges)
    return read_steadily(client, choose, lambda span: _by_edges(span.each(*folds), edges, *folds))


def _choose_between(client: redis.Redis, edges: Sequence[int]) -> Callable[[Keys, Sequence[str], int], Cover]:
    """Chooses the buckets between the edges, for read_steadily()."""
    near = edges if edges[-1] - edges[0] <= SHORT_S else ()  # a long range has few of its hours in Redis
    return lambda keys, tps, _left: between(Heads(client, keys, tps, near), edges)


def _by_edges(
    found: Mapping[int, Mapping[str, Sums]], edges: Sequence[int], *folds: str
) -> list[dict[str, Sums]]:
    """What each bucket has, summed between each two edges."""
    sums: list[dict[str, Sums]] = [{fold: defaultdict(int) for fold in folds} for _ in edges[1:]]
    for at, of_bucket in found.items():
        place = sums[bisect_right(edges, at) - 1]
        for fold, fields in of_bucket.items():
            for name, number in fields.items():
                place[fold][name] += number
    return sums


def read_kept_minutes(
    client: redis.Redis, start: int, end: int, *folds: str
) -> tuple[list[Borders], dict[int, dict[str, Sums]]]:
    """The parts of [start, end) whose minutes are all known, and these: minute -> fold -> fields."""

    def choose(keys: Keys, tps: Sequence[str], _left: int) -> Cover:
        heads = Heads(client, keys, tps)
        known, _ = kept_by(heads, "h", (start, end))
        return of_grain(heads, "m", known or [(end, end)])

    return read_steadily(client, choose, lambda span: (some(span.cover.spans["m"]), span.each(*folds)))
