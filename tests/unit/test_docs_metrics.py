"""docs/metrics.md names every statistic, docs/events.md every field."""

import json
from pathlib import Path

from dashboards.folds import FOLDS

DOCS = Path(__file__).parents[2] / "docs"


def test_every_statistic_is_explained_as_it_says_of_itself() -> None:
    rows = [line for line in (DOCS / "metrics.md").read_text().splitlines() if line.startswith("| `")]
    said = {f"| `{fold.name}` | {fold.topic} | {fold.keys} | {fold.bound} | {fold.tile} |" for fold in FOLDS}
    assert {row for row in rows if not row.startswith("| `delay`")} == said


def test_every_statistic_has_a_bound_and_a_tile() -> None:
    assert [fold.name for fold in FOLDS if not (fold.bound and fold.tile and fold.keys)] == []


def test_every_field_of_a_message_is_named() -> None:
    text = (DOCS / "events.md").read_text()
    for schema in (DOCS / "schemas").glob("*.json"):
        if schema.stem != "order_changed":  # only ours
            fields = json.loads(schema.read_text())["properties"]
            assert {field for field in fields if f"`{field}`" not in text} == set(), schema.name
