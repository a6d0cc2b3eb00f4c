"""docs/metrics.md promises that a new statistic is one file and one line: its example is run here."""

import re
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from dashboards import folds
from dashboards.counting import batch, plan
from dashboards.counting.store import sum_hashes
from dashboards.keys import bucket, first_keys
from tests.support.aggregates import NOW, click, log_of, writer_of

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
MARK = "<!-- run: tests/flows/test_new_statistic.py -->"


def example() -> dict[str, Any]:
    """What the file in the docs defines."""
    found = re.search(re.escape(MARK) + r"\n```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found, "the example is gone from the docs"
    names: dict[str, Any] = {}
    exec(compile(found[1], str(DOCS), "exec"), names)
    return names


def test_the_example_of_the_docs_counts(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    new = example()["FOLDS"]
    monkeypatch.setattr(batch, "FOLDS_OF", batch.by_topic([*folds.FOLDS, *new]))
    monkeypatch.setattr(plan, "CAPS", plan.caps([*folds.FOLDS, *new]))

    log_of("clicks-0", [click(site="tea"), click(site="tea"), click(site="mugs"), click()]).fold(
        writer_of(redis)
    )

    key = first_keys().bucket("clicks-0", "d", bucket(NOW, "d"), "sites")
    assert sum_hashes(redis, [[key]]) == [{"tea": 2, "mugs": 1}]


def test_every_fold_is_in_the_docs() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for fold in folds.FOLDS:
        assert f"`{fold.name}`" in text, f"{fold.name} is missing in docs/metrics.md"


def test_every_test_that_the_docs_name_is_there() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCS.read_text(encoding="utf-8")))
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert {name for name in named if f"def {name}(" not in tests} == set()


def test_every_file_of_a_fold_is_in_the_list() -> None:
    files = {path.stem for path in Path(folds.__file__).parent.glob("*.py")} - {"__init__", "base"}
    listed = Path(folds.__file__).read_text(encoding="utf-8")
    assert {name for name in files if f"*{name}.FOLDS" not in listed} == set()
