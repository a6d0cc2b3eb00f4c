"""The chart of one product's range, whole, by Plotly. figures.py -> here -> page.py."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings

from dashboards.calendar import ReportGrain
from dashboards.figures import Drawing, Palette, drawn, hover, wash, words
from dashboards.keys import money
from dashboards.period import WIDTHS
from dashboards.product.figures import Course

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


def course_figure(course: Course, grain: ReportGrain, now: datetime) -> dict[str, Any]:
    """{"figures": {scheme: {"course": figure}}, "templates": {scheme: template}}."""
    return drawn({"course": lambda palette: _course(palette, course, grain, now)})


def course_rows(course: Course, grain: ReportGrain) -> list[list[object]]:
    """[when, in words; where it begins, RFC 3339; views; carts; units; revenue], oldest first."""
    return [
        [_local(at).strftime(FORMS[grain]), datetime.fromtimestamp(at, UTC).isoformat(), *figures[:3],
         money(figures.revenue)]
        for at, figures in zip(course.edges, course.figures, strict=False)
    ]  # fmt: skip


def _course(c: Palette, course: Course, grain: ReportGrain, now: datetime) -> Drawing:
    """Views and what was put into carts above, units sold below, on one axis of the shop's wall clock."""
    x = [_local(at).strftime("%Y-%m-%d %H:%M") for at in course.edges[:-1]]
    views, carts, units, revenue, _ = zip(*course.figures, strict=True)
    widths = [(high - low) * 1000 for low, high in pairwise(course.edges)]
    runs = course.edges[-1] > now.timestamp()
    if runs:  # its bar is as wide as the bucket will be
        widths[-1] = max(widths[-1], int(WIDTHS[grain].total_seconds() * 1000))
    fades = [1.0] * (len(x) - 1) + [0.45 if runs else 1.0]
    money_texts = [f"{money(amount)} {settings.SHOP_CURRENCY}" for amount in revenue]
    bar: dict[str, Any] = {"type": "bar", "x": x, "offset": [width * 0.12 for width in widths]}
    data = [
        bar | {"y": views, "width": [width * 0.76 for width in widths],
               "marker": {"color": wash(c.clicks, 0.55), "opacity": fades},
               "hovertemplate": hover("%{y:,} views")},
        bar | {"y": carts, "width": [width * 0.76 for width in widths],
               "marker": {"color": c.alert, "opacity": fades},
               "hovertemplate": hover("%{y:,} put into carts")},
        bar | {"y": units, "yaxis": "y2", "width": [width * 0.76 for width in widths],
               "marker": {"color": c.money, "opacity": fades}, "customdata": money_texts,
               "hovertemplate": hover("%{y:,} sold, %{customdata}")},
    ]  # fmt: skip
    blue, orange, green = (
        {"font": {"size": 12, "color": colour, "weight": 600}} for colour in (c.clicks, c.alert, c.money)
    )
    whole = {"tickformat": ",", "rangemode": "tozero"}
    layout: dict[str, Any] = {
        "barmode": "overlay",
        "hoversubplots": "axis",
        "margin": {"l": 48, "r": 16, "t": 22, "b": 46},
        "xaxis": {"type": "date", "anchor": "y2", "hoverformat": FORMS[grain], "ticklabelstandoff": 6,
                  "tickformatstops": TICKS,
                  "range": [x[0], _local(course.edges[-2] + widths[-1] // 1000).strftime("%Y-%m-%d %H:%M")]},
        "yaxis": {"domain": [0.44, 1], "range": _range(views, 4)} | whole,
        "yaxis2": {"domain": [0, 0.28], "range": _range(units, 2)} | whole,
        "annotations": [
            words("Views", y=1, xshift=2, **blue),
            words("Put into carts", y=1, xshift=44, **orange),
            words("Units sold", y=0.29, xshift=2, **green),
        ],
    }  # fmt: skip
    return data, layout


def _range(values: tuple[int, ...], least: int) -> list[float]:
    """From 0, and not so close that a single one looks like a rush."""
    return [0, max(least, *values) * 1.08]


def _local(at: int) -> datetime:
    return datetime.fromtimestamp(at, ZoneInfo(settings.SHOP_TIME_ZONE))
