"""The chart of one product's range, whole, by Plotly. figures.py -> here -> page.py."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from dashboards.keys import money
from dashboards.product.figures import Course
from dashboards.reports.axis import FORMS, TICKS, axis_of, when
from dashboards.reports.calendar import ReportGrain
from dashboards.screen.figures import Drawing, Palette, drawn, hover, wash, words


def course_chart(course: Course, grain: ReportGrain, now: datetime) -> dict[str, Any]:
    """The figure in both schemes, and its table: {"figures", "templates", "heads", "rows", "csv"}."""
    return drawn({"chart": lambda palette: _course(palette, course, grain, now)}) | _table(course, grain)


def _table(course: Course, grain: ReportGrain) -> dict[str, Any]:
    heads = ["When", "Views", "Put into carts", "Units sold", f"Revenue {settings.SHOP_CURRENCY}"]
    csv: list[list[object]] = [["from", *(head.lower() for head in heads[1:])]]
    rows = []
    for at, found in zip(course.edges, course.figures, strict=False):
        counts, revenue = found[:3], money(found.revenue)
        rows.append([when(at, grain), *(f"{count:,}" for count in counts), revenue])
        csv.append([datetime.fromtimestamp(at, UTC).isoformat(), *counts, float(revenue)])
    kinds = ["when", "count", "count", "count", "amount"]
    return {"heads": heads, "kinds": kinds, "grain": grain, "rows": rows, "csv": csv}


def _course(c: Palette, course: Course, grain: ReportGrain, now: datetime) -> Drawing:
    """Views and what was put into carts above, units sold below, on one axis of the shop's wall clock."""
    axis = axis_of(course.edges, grain, now)
    views, carts, units, revenue, _ = zip(*course.figures, strict=True)
    fades = [1.0] * (len(views) - 1) + [0.45 if axis.runs else 1.0]
    amounts = [float(money(amount)) for amount in revenue]
    bar: dict[str, Any] = {"type": "bar", "x": axis.x, "offset": [width * 0.12 for width in axis.widths],
                           "width": [width * 0.76 for width in axis.widths]}  # fmt: skip
    data = [
        bar | {"y": views, "marker": {"color": wash(c.clicks, 0.55), "opacity": fades},
               "hovertemplate": hover("%{y:,} views")},
        bar | {"y": carts, "marker": {"color": c.alert, "opacity": fades},
               "hovertemplate": hover("%{y:,} put into carts")},
        bar | {"y": units, "yaxis": "y2",
               "marker": {"color": c.money, "opacity": fades}, "customdata": amounts,
               "hovertemplate": hover(f"%{{y:,}} sold, %{{customdata:,.2f}} {settings.SHOP_CURRENCY}")},
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
                  "tickformatstops": TICKS, "range": axis.range},
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
