"""The charts are made by Plotly in Python, for the Plotly that is on the page."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs_version

from dashboards.screen.figures import SCHEMES, figures_text
from dashboards.views import PLOTLY


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    return dict(json.loads(figures_text()))


def bundle() -> str:
    path = finders.find(PLOTLY)
    assert isinstance(path, str)
    return Path(path).read_text(encoding="utf-8")


def test_the_page_has_the_plotly_that_python_speaks() -> None:
    assert f"v{get_plotlyjs_version()}\n" in bundle()[:200]


def test_the_bundle_needs_no_eval() -> None:
    assert "eval(" not in bundle()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_figure_is_one_that_plotly_knows(made: dict[str, Any], scheme: str) -> None:
    assert set(made["figures"][scheme]) == {"pulse", "funnel", "bars"}
    for figure in made["figures"][scheme].values():
        Figure(figure["data"], figure["layout"])
        assert all(trace["x"] == [] and trace["y"] == [] for trace in figure["data"])


def test_both_schemes_draw_the_same_traces_in_other_colours(made: dict[str, Any]) -> None:
    light, dark = (made["figures"][scheme]["pulse"]["data"] for scheme in SCHEMES)
    assert [trace["type"] for trace in light] == [trace["type"] for trace in dark]
    assert light != dark


def test_texts_have_no_tags_that_the_policy_would_refuse(made: dict[str, Any]) -> None:
    assert "<b>" not in figures_text()
    assert "<i>" not in figures_text()
