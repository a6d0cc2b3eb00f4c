"""One statistic alone: over a range, or by buckets of the shop's calendar. spans.py -> here -> the API."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

import redis

from dashboards.counting.store import live_keys, partitions
from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import WIDTH, Keys
from dashboards.past.borders import Span as Borders
from dashboards.past.borders import floor, some
from dashboards.past.heads import Heads
from dashboards.past.ranges import Cover, between, kept_by, of_grain
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
    keys = live_keys(client)
    heads = Heads(client, keys, partitions(client, keys), edges)
    heads.cut("d", sorted({floor(at, WIDTH["d"]) for at in edges}))  # at once, not one by one below
    heads.cut("h", sorted({floor(at, WIDTH["h"]) for at in edges}))
    return [heads.widened(edges[0], False), *(heads.widened(at, True) for at in edges[1:])]


def read_course(client: redis.Redis, statistic: str, grain: ReportGrain, edges: Sequence[int]) -> list[Sums]:
    """The statistic's numbers between each two of these edges, which used_edges() gave."""
    if statistic in COUNTED and grain in ("minute", "hour"):
        return [folds[statistic] for some in _few(edges) for folds in read_each(client, some, statistic)]
    moments = [datetime.fromtimestamp(at, UTC) for at in edges]
    return [read_total(client, statistic, low, high) if low < high else {} for low, high in pairwise(moments)]


def _few(edges: Sequence[int]) -> Iterator[Sequence[int]]:
    for first in range(0, len(edges) - 1, AT_ONCE):
        yield edges[first : first + AT_ONCE + 1]


def read_each(client: redis.Redis, edges: Sequence[int], *folds: str) -> list[dict[str, Sums]]:
    """Fold -> fields of what lies between each two of these edges, all of it in one reading."""

    def choose(keys: Keys, tps: Sequence[str], _left: int) -> Cover:
        return between(Heads(client, keys, tps), edges)

    sums: list[dict[str, Sums]] = [{fold: defaultdict(int) for fold in folds} for _ in edges[1:]]
    for at, found in read_steadily(client, choose, lambda span: span.each(*folds)).items():
        place = sums[bisect_right(edges, at) - 1]
        for fold, fields in found.items():
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
