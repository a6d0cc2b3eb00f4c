"""The charts of the live page, made once by Plotly. plotly_template.json -> here -> sockets.py.

Each figure is a layout and its traces without data; the page's script only puts data into them.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

SCHEMES = ("light", "dark")
CLEAR = "rgba(0,0,0,0)"
MINUTE_MS = 60_000

Template = dict[str, Any]
Drawing = tuple[list[dict[str, Any]], dict[str, Any]]  # traces, layout


@cache
def figures_text() -> str:
    """The live page's figures, without data, as JSON."""
    return msgspec.json.encode(drawn({"pulse": pulse, "funnel": funnel, "bars": bars})).decode()


def drawn(drawings: "Mapping[str, Callable[[Palette], Drawing]]") -> dict[str, Any]:
    """{"figures": {scheme: {name: {"data", "layout"}}}, "templates": {scheme: template}}."""
    templates = _templates()
    figures = {scheme: _figures(templates[scheme], drawings) for scheme in SCHEMES}
    return {"figures": figures, "templates": templates}


@cache
def _templates() -> dict[str, Template]:
    path = Path(__file__).with_name("plotly_template.json")
    templates: dict[str, Template] = msgspec.json.decode(path.read_bytes())
    return templates


def _figures(template: Template, drawings: "Mapping[str, Callable[[Palette], Drawing]]") -> dict[str, Any]:
    """Every figure in one scheme, without the template, which is sent once."""
    # Imported here: plotly takes 35 MB and 0.3 s, and only processes with viewers need it.
    import plotly.graph_objects as go

    palette = Palette(template)
    known = go.layout.Template(template)  # fails here, not in the browser, when a name is wrong
    made = {name: draw(palette) for name, draw in drawings.items()}
    return {
        name: _without_template(go.Figure(data, {**layout, "template": known}).to_plotly_json())
        for name, (data, layout) in made.items()
    }


def _without_template(figure: dict[str, Any]) -> dict[str, Any]:
    layout = {name: value for name, value in figure["layout"].items() if name != "template"}
    return {"data": figure["data"], "layout": layout}


class Palette:
    """The colours of one scheme, by what they stand for."""

    def __init__(self, template: Template) -> None:
        layout = template["layout"]
        self.clicks, self.alert, self.money, _, _, self.ghost = layout["colorway"]
        self.surface: str = layout["paper_bgcolor"]
        self.soft: str = layout["font"]["color"]
        self.ink: str = layout["hoverlabel"]["font"]["color"]
        self.faint: str = layout["xaxis"]["tickfont"]["color"]


def wash(colour: str, alpha: float) -> str:
    """A #rrggbb colour, see-through."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def hover(text: str) -> str:
    """A hover text without the name of its trace beside it."""
    return f"{text}<extra></extra>"


def words(text: str, **more: object) -> dict[str, Any]:
    """An axis title as words above its plot."""
    return {
        "text": text,
        "xref": "paper",
        "yref": "paper",
        "x": 0,
        "yanchor": "bottom",
        "xanchor": "left",
        **more,
    }


def pulse(c: Palette) -> Drawing:
    """Clicks above, orders below, on one axis of minutes, last week behind both.

    Traces in order: clicks last week, clicks, the running minute, its point, orders last week, orders,
    alerts; the hairlines of the alerts are shapes, which the page adds.
    """
    line: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": [], "y": []}
    bar: dict[str, Any] = {"type": "bar", "x": [], "y": [], "yaxis": "y2"}
    data = [
        line | {"line": {"color": c.ghost, "width": 1.5}, "hovertemplate": hover("%{y:,} last week")},
        line | {"line": {"color": c.clicks, "width": 2}, "fill": "tozeroy", "fillcolor": wash(c.clicks, 0.1),
                "hovertemplate": hover("%{y:,} clicks")},
        line | {"line": {"color": c.clicks, "width": 2, "dash": "3px,3px"}, "fill": "tozeroy",
                "fillcolor": wash(c.clicks, 0.04),
                "hovertemplate": hover("%{customdata:,} clicks so far, at this pace %{y:,}")},
        line | {"mode": "markers", "hoverinfo": "skip",
                "marker": {"size": 7, "color": c.surface, "line": {"width": 2, "color": c.clicks}}},
        bar | {"width": 50_000, "marker": {"color": wash(c.ghost, 0.32)},
               "hovertemplate": hover("%{y:,} last week")},
        bar | {"width": 28_000, "marker": {"color": c.money},
               "hovertemplate": hover("%{y:,} orders, %{customdata}")},
        line | {"mode": "markers", "cliponaxis": False, "hovertemplate": hover("alert: %{customdata}"),
                "marker": {"symbol": "triangle-down", "size": 9, "color": c.alert}},
    ]  # fmt: skip
    soft, ink = {"font": {"size": 12, "color": c.soft}}, {"font": {"size": 12, "color": c.ink, "weight": 600}}
    layout: dict[str, Any] = {
        "barmode": "overlay",
        "hoversubplots": "axis",
        "margin": {"l": 40, "r": 16, "t": 20, "b": 22},
        "xaxis": {"type": "date", "dtick": 5 * MINUTE_MS, "tickformat": "%H:%M", "hoverformat": "%H:%M",
                  "anchor": "y2"},
        "yaxis": {"domain": [0.46, 1], "tickformat": ","},
        "yaxis2": {"domain": [0, 0.26], "tickformat": ","},
        "annotations": [
            words("Clicks a minute", y=1, xshift=2, **soft), words("", y=1, xshift=97, **ink),
            words("Orders a minute", y=0.27, xshift=2, **soft), words("", y=0.27, xshift=99, **ink),
        ],
        "meta": {"alert": c.alert, "soft": c.soft},
    }  # fmt: skip
    return data, layout


def _usual(c: Palette) -> list[dict[str, Any]]:
    """The mark of last week's level on a bar: a line with a rim, so that it is seen on and off the bar."""
    return [
        {"type": "scatter", "mode": "markers", "x": [], "y": [], "cliponaxis": False, "hoverinfo": "skip",
         "marker": {"symbol": "line-ns", "size": 10, "line": {"width": width, "color": colour}}}
        for width, colour in ((4, c.surface), (2, c.soft))
    ]  # fmt: skip


def funnel(c: Palette) -> Drawing:
    """The bars of four steps, first on top; their words and figures stand beside, in HTML."""
    bar = {"type": "bar", "orientation": "h", "x": [], "y": [], "marker": {"color": c.clicks},
           "hovertemplate": hover("%{x:,} people")}  # fmt: skip
    layout = {
        "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "hovermode": "closest",
        "margin": {"l": 0, "r": 3, "t": 0, "b": 0},
        "xaxis": {"visible": False}, "yaxis": {"visible": False, "range": [3.5, -0.5], "rangemode": "normal"},
    }  # fmt: skip
    return [bar, *_usual(c)], layout


def bars(c: Palette) -> Drawing:
    """Names at the left, bars, last week's marks; the figures at the right are annotations."""
    bar = {"type": "bar", "orientation": "h", "x": [], "y": [], "marker": {"color": c.clicks},
           "hovertemplate": hover("%{customdata}")}  # fmt: skip
    layout = {
        "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, "hovermode": "closest",
        "margin": {"l": 142, "r": 104, "t": 4, "b": 4},
        "xaxis": {"visible": False},
        "yaxis": {"showgrid": False, "ticks": "outside", "ticklen": 8, "tickcolor": CLEAR,
                  "tickmode": "array", "rangemode": "normal", "tickfont": {"color": c.soft, "size": 12}},
        "meta": {"ink": c.ink, "faint": c.faint, "other": c.ghost, "bar": c.clicks},
    }  # fmt: skip
    return [bar, *_usual(c)], layout
