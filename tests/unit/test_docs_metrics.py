"""docs/metrics.md names every statistic, docs/events.md every field."""

import json
import re
from pathlib import Path

from dashboards.folds import FOLDS

DOCS = Path(__file__).parents[2] / "docs"


def test_every_statistic_is_explained() -> None:
    rows = [line for line in (DOCS / "metrics.md").read_text().splitlines() if line.startswith("| `")]
    explained = {name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])}
    stages = {fold.name: "funnel.<stage>" for fold in FOLDS if fold.name.startswith("funnel.")}
    assert explained == {stages.get(fold.name, fold.name) for fold in FOLDS} | {"delay"}


def test_every_field_of_a_message_is_named() -> None:
    text = (DOCS / "events.md").read_text()
    for schema in (DOCS / "schemas").glob("*.json"):
        if schema.stem != "order_changed":  # only ours
            fields = json.loads(schema.read_text())["properties"]
            assert {field for field in fields if f"`{field}`" not in text} == set(), schema.name
