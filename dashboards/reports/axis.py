"""Buckets of the shop's calendar as an axis has them. calendar.py -> here -> charts that are drawn whole."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from dashboards.reports.calendar import ReportGrain
from dashboards.reports.period import WIDTHS

FORMS: Mapping[ReportGrain, str] = {
    "minute": "%a %d %b, %H:%M",
    "hour": "%a %d %b, %H:%M",
    "day": "%a %d %b %Y",
    "week": "week of %d %b %Y",
    "month": "%B %Y",
}

DAY_MS = 86_400_000
TICKS = [  # as the page writes dates: Plotly's own are American
    {"dtickrange": [None, DAY_MS - 1], "value": "%H:%M\n%-d %b"},
    {"dtickrange": [DAY_MS, "M1"], "value": "%-d %b\n%Y"},
    {"dtickrange": ["M1", None], "value": "%b\n%Y"},
]


class Axis(NamedTuple):
    """Where the buckets stand, by the shop's wall clock as Plotly reads dates."""

    x: list[str]
    widths: list[int]  # ms; the running one is as wide as it will be
    range: list[str]  # from where the first begins to where the last ends
    around: list[str]  # where bars stand upon the begin of their bucket
    runs: bool  # whether the last bucket is still running


def axis_of(edges: Sequence[int], grain: ReportGrain, now: datetime) -> Axis:
    """The axis of the buckets between these edges (epoch seconds)."""
    widths = [(high - low) * 1000 for low, high in pairwise(edges)]
    runs = edges[-1] > now.timestamp()
    if runs:
        widths[-1] = max(widths[-1], int(WIDTHS[grain].total_seconds() * 1000))
    x = [_plotly(at) for at in edges[:-1]]
    half = [width // 2000 for width in (widths[0], widths[-1])]
    around = [_plotly(edges[0] - half[0]), _plotly(edges[-2] + half[1])]
    return Axis(x, widths, [x[0], _plotly(edges[-2] + widths[-1] // 1000)], around, runs)


def when(at: int, grain: ReportGrain) -> str:
    """Where a bucket begins, as a reader knows it."""
    return local(at).strftime(FORMS[grain])


def local(at: int) -> datetime:
    """The moment by the shop's wall clock."""
    return datetime.fromtimestamp(at, ZoneInfo(settings.SHOP_TIME_ZONE))


def _plotly(at: int) -> str:
    return local(at).strftime("%Y-%m-%d %H:%M")
