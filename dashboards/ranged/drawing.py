"""The charts of a range, whole, the comparison behind. figures.py -> here -> page.py."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings

from dashboards.ranged.told import Bucket
from dashboards.reports.axis import FORMS, TICKS, axis_of, when
from dashboards.reports.calendar import ReportGrain
from dashboards.screen.figures import Drawing, Palette, funnel, hover, pulse, wash, words

_FEW = 3


class Pulse(NamedTuple):
    """A range piece by piece, and the same pieces of what it is compared with."""

    edges: Sequence[int]  # epoch seconds
    now: Sequence[Bucket]
    was: Sequence[Bucket]  # empty: nothing to compare with
    grain: ReportGrain


def draw_pulse(c: Palette, found: Pulse, now: datetime) -> Drawing:
    """The live page's pulse, filled: clicks above, orders below, the comparison's ghosts behind both."""
    data, layout = pulse(c)
    axis = axis_of(found.edges, found.grain, now)
    x, full = axis.x, len(axis.x) - (1 if axis.runs else 0)
    wide, narrow = [width * 0.76 for width in axis.widths], [width * 0.5 for width in axis.widths]
    dots = {"mode": "lines+markers"} if full < 2 else {}  # one point is no line
    ghost, clicks, running, _, ghost_bars, bars, _ = data
    filled = [
        ghost | {"x": x[: len(found.was)], "y": [one.clicks for one in found.was],
                 "hovertemplate": hover("%{y:,} then")},
        clicks | dots | {"x": x[:full], "y": [one.clicks for one in found.now[:full]]},
        ghost_bars | {"x": x[: len(found.was)], "y": [one.orders for one in found.was], "width": wide,
                      "hovertemplate": hover("%{y:,} then")},
        bars | {"x": x, "y": [one.orders for one in found.now], "width": narrow,
                "customdata": [_cell("revenue", one) for one in found.now],
                **_paid(found.now)},
    ]  # fmt: skip
    if axis.runs:
        first = max(0, full - 1)
        ends = [one.clicks for one in found.now[first:]]
        filled.append(
            running
            | {"x": x[first:], "y": ends, "customdata": ends, "mode": "lines+markers",
               "hovertemplate": hover("%{y:,} clicks so far"), "fillcolor": wash(c.clicks, 0.04)}
        )  # fmt: skip
    split = ": not split by category" if any(one.orders is None for one in found.now) else ""
    soft = {"font": {"size": 12, "color": c.soft}}
    layout["xaxis"] = {
        "type": "date", "anchor": "y2", "range": axis.around, "hoverformat": FORMS[found.grain],
        "tickformatstops": TICKS, "ticklabelstandoff": 6,
    }  # fmt: skip
    layout["yaxis"] |= _few([one.clicks for one in (*found.now, *found.was)], 1)
    layout["yaxis2"] |= {"nticks": 3} | _few([one.orders for one in (*found.now, *found.was)], _FEW)
    layout["margin"] = {"l": 48, "r": 16, "t": 20, "b": 42}
    layout["annotations"] = [
        words(f"Clicks, by {found.grain}", y=1, xshift=2, **soft),
        words(f"Orders, by {found.grain}{split}", y=0.27, xshift=2, **soft),
    ]
    return filled, layout


def draw_revenue(c: Palette, found: Pulse, now: datetime) -> Drawing:
    """Revenue in the shop's currency, a bar a piece; the comparison's bars, wider and pale, behind them."""
    axis = axis_of(found.edges, found.grain, now)
    bar: dict[str, Any] = {"type": "bar", "x": axis.x}
    currency = settings.SHOP_CURRENCY
    data = [
        bar | {"x": axis.x[: len(found.was)], "y": [_cell("revenue", one) for one in found.was],
               "width": [width * 0.76 for width in axis.widths], "marker": {"color": wash(c.ghost, 0.32)},
               "hovertemplate": hover(f"%{{y:,.2f}} {currency} then")},
        bar | {"y": [_cell("revenue", one) for one in found.now], "marker": {"color": c.money},
               "width": [width * 0.5 for width in axis.widths],
               "hovertemplate": hover(f"%{{y:,.2f}} {currency}")},
    ]  # fmt: skip
    layout: dict[str, Any] = {
        "barmode": "overlay",
        "margin": {"l": 60, "r": 16, "t": 6, "b": 38},
        "xaxis": {"type": "date", "range": axis.around, "hoverformat": FORMS[found.grain],
                  "tickformatstops": TICKS, "nticks": 5, "tickangle": 0},  # as many as a phone has room for
        "yaxis": {"tickformat": ",", "nticks": 4, "rangemode": "tozero"},
    }  # fmt: skip
    if not any(one.revenue for one in (*found.now, *found.was)):
        layout["yaxis"]["range"] = [0, 10]  # no halves of a coin where nothing was sold
    return data, layout


def draw_funnel(c: Palette, steps: Sequence[tuple[str, int, int | None]]) -> Drawing:
    """The live page's funnel, filled: name, people, people then."""
    (bar, *marks), layout = funnel(c)
    y = [name for name, _, _ in steps]
    most = max(1, *(max(people, was or 0) for _, people, was in steps))
    layout["xaxis"] = layout["xaxis"] | {"range": [0, most]}
    bars = bar | {"x": [people for _, people, _ in steps], "y": y, "width": 0.4}
    return [bars, *(mark | {"x": [was for _, _, was in steps], "y": y} for mark in marks)], layout


def pulse_table(found: Pulse) -> dict[str, Any]:
    """{"heads", "rows" as the table has them, "csv" as a file has them}."""
    beside = ["then"] if found.was else []
    heads = ["When", "Clicks", *beside, "Orders", *beside, f"Revenue {settings.SHOP_CURRENCY}", *beside]
    kinds = ["when", *["count"] * (2 * (1 + len(beside))), *["amount"] * (1 + len(beside))]
    csv: list[list[object]] = [["from", *(head.lower() for head in heads[1:])]]
    rows = []
    for place, (at, now) in enumerate(zip(found.edges, found.now, strict=False)):
        pairs = [(now, *found.was[place : place + 1])] if found.was else [(now,)]
        values = [
            value
            for taken in ("clicks", "orders", "revenue")
            for some in pairs
            for value in (_cell(taken, one) for one in some)
        ]
        rows.append([when(at, found.grain), *(_shown(value) for value in values)])
        csv.append([datetime.fromtimestamp(at, UTC).isoformat(), *values])
    return {"heads": heads, "kinds": kinds, "grain": found.grain, "rows": rows, "csv": csv}


def revenue_table(found: Pulse) -> dict[str, Any]:
    """As pulse_table(), of revenue alone."""
    whole = pulse_table(found)
    places = [0, *range(5 if found.was else 3, len(whole["heads"]))]  # behind when, clicks and orders
    columns = {name: [whole[name][place] for place in places] for name in ("heads", "kinds")}
    return (
        columns
        | {"grain": found.grain}
        | {name: [[row[place] for place in places] for row in whole[name]] for name in ("rows", "csv")}
    )


def _few(counts: Sequence[int | None], step: int) -> dict[str, Any]:
    """An axis of whole numbers where there are so few that Plotly would mark halves of them."""
    most = max((count or 0 for count in counts), default=0)
    return {"range": [0, _FEW], "dtick": step} if most < _FEW else {}


def _paid(found: Sequence[Bucket]) -> dict[str, str]:
    """What a bar says of its orders' amounts; nothing where they are not split."""
    if any(one.revenue is None for one in found):
        return {"hovertemplate": hover("%{y:,} orders")}
    return {"hovertemplate": hover(f"%{{y:,}} orders, %{{customdata:,.2f}} {settings.SHOP_CURRENCY}")}


def _cell(name: str, one: Bucket) -> int | float | None:
    value: int | None = getattr(one, name)
    return value / 1_000_000 if name == "revenue" and value is not None else value


def _shown(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"
