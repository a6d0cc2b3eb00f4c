"""Figures of a range, bucket by bucket of the shop's calendar. calendar.py, spans.py -> here -> report.

Made of UTC hours, or of minutes where a border lies within an hour, as in a zone that is half an hour off.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import redis

from dashboards.borders import floor
from dashboards.calendar import ReportGrain, borders
from dashboards.keys import WIDTH, Grain
from dashboards.ranges import exactly, kept
from dashboards.selectors import figures_at
from dashboards.spans import Span, Sums
from dashboards.store import live_keys, partitions

FOLDS = ("events", "orders", "revenue")


def read_series(
    client: redis.Redis, grain: ReportGrain, start: datetime, end: datetime
) -> tuple[list[dict[str, Any]], list[str]]:
    """One entry a bucket of [start, end): at, events, orders, revenue; and what is to be said of them.

    Raises RedisError where Redis does not answer.
    """
    keys = live_keys(client)
    tps = partitions(client, keys)
    edges = borders(grain, start, end)
    fine: Grain = "h" if all(edge % WIDTH["h"] == 0 for edge in edges) else "m"
    notes = []
    spans, whole = kept(client, keys, tps, "d" if fine == "h" else "h", (edges[0], edges[-1]))
    if not whole and fine == "m":  # minutes are gone: of hours, each goes where it begins
        notes.append("minutes are no longer kept there: buckets are made of whole UTC hours")
        fine = "h"
        spans, whole = kept(client, keys, tps, "d", (edges[0], edges[-1]))
    if not whole:
        notes.append("some buckets are missing: finer ones than days are no longer kept there")
    found: dict[int, dict[str, Sums]] = {}
    if spans := [(floor(low, WIDTH[fine]), -floor(-high, WIDTH[fine])) for low, high in spans]:
        found = Span(client, keys, exactly(client, keys, tps, fine, spans)).each(*FOLDS)
    return _entries(edges, found), notes


def _entries(edges: Sequence[int], found: dict[int, dict[str, Sums]]) -> list[dict[str, Any]]:
    sums: dict[int, dict[str, Sums]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    for at, folds in found.items():
        place = max(0, min(bisect_right(edges, at) - 1, len(edges) - 2))
        for fold, fields in folds.items():
            for name, number in fields.items():
                sums[edges[place]][fold][name] += number
    return [figures_at(at, sums[at]) for at in edges[:-1]]
