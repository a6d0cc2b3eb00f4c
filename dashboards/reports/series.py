"""Figures of a range, bucket by bucket of the shop's calendar. calendar.py, course.py -> here -> report.

Made of UTC days and hours, and of minutes where a border lies within an hour.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import redis

from dashboards.reports.calendar import Period, ReportGrain, back, before, borders
from dashboards.reports.course import read_each, used_edges
from dashboards.reports.selectors import Report, figures_at, report

MOVED = "where finer ones are no longer kept, a bucket holds the UTC hours, or days, that begin in it"
FOLDS = ("events", "orders", "revenue")


def read_more(
    client: redis.Redis, found: Report, period: Period | None, grain: ReportGrain | None, top: int
) -> dict[str, Any]:
    """What a comparison and a series add to a report, as it stands in its JSON.

    Raises RedisError where Redis does not answer.
    """
    more: dict[str, Any] = {}
    if period:
        start, end = before(period, found.start, found.end)
        if start < end:
            other = report(client, start, end, top).as_json()
            other.pop("minutes", None)
            more["compare"] = {"period": period} | other
        else:
            found.notes.append("nothing to compare with: the clocks skipped that hour")
    if grain:
        entries, notes = read_series(client, grain, found.start, found.end)
        more["series"] = {"grain": grain, "buckets": entries, "notes": notes}
    return more


def read_series(
    client: redis.Redis, grain: ReportGrain, start: datetime, end: datetime
) -> tuple[list[dict[str, Any]], list[str]]:
    """One entry a bucket of [start, end): at, events, orders, revenue; and what is to be said of them.

    Raises RedisError where Redis does not answer.
    """
    edges = borders(grain, start, end)
    used = used_edges(client, edges)
    sums = read_each(client, used, *FOLDS)
    entries = [figures_at(at, folds) for at, folds in zip(edges, sums, strict=False)]
    return entries, [] if used == edges else [MOVED]


def moved_edges(period: Period, start: datetime, end: datetime, edges: Sequence[int]) -> list[int]:
    """The same pieces of what [start, end) is compared with; an hour that the clocks skipped is empty."""
    moved = back(period, start, end)
    latest, found = int(moved(_at(edges[-1])).timestamp()), []
    for edge in reversed(edges):
        latest = min(latest, int(moved(_at(edge)).timestamp()))
        found.append(latest)
    return found[::-1]


def _at(edge: int) -> datetime:
    return datetime.fromtimestamp(edge, UTC)
