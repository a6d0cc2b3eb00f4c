"""What the documents point at is there: files, links, tests, commands; decisions are short."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
CODE = re.compile(r"`([^`\n]+)`")
TEST = re.compile(r"^(tests/[\w/]+\.py)::(test_\w+)$")
COMMAND = re.compile(r"manage\.py ([a-z]+)")
MAKE = re.compile(r"(?<!\w)make ([a-z]+)(?![\w-])")
MAKE_TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)


def page_id(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def code_of(page: Path) -> list[str]:
    """What stands in code: inline, and each line of a fenced block."""
    fences = re.findall(r"^```.*?\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)
    inline = CODE.findall(re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE))
    return inline + [line for fence in fences for line in fence.splitlines()]


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_links_lead_to_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_named_tests_exist(page: Path) -> None:
    named = [found.groups() for code in code_of(page) if (found := TEST.match(code))]
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not (ROOT / path).exists() or not re.search(rf"def {name}\(", (ROOT / path).read_text())
    ]
    assert missing == []


def test_files_of_the_tour_exist() -> None:
    named = {
        code
        for code in CODE.findall((ROOT / "ARCHITECTURE.md").read_text())
        if re.fullmatch(r"[\w./-]+/[\w.-]*", code)
    }
    assert len(named) > 20
    assert {code for code in named if not code.startswith("/") and not (ROOT / code).exists()} == set()


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_named_commands_exist(page: Path) -> None:
    code = "\n".join(code_of(page))
    targets = set(MAKE_TARGET.findall((ROOT / "Makefile").read_text()))
    assert set(COMMAND.findall(code)) - get_commands().keys() == set()
    assert set(MAKE.findall(code)) - targets == set()


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.name[:3]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", DECISIONS, ids=page_id)
def test_a_decision_has_at_most_200_words_and_a_title(page: Path) -> None:
    text = page.read_text()
    assert text.startswith("# ")
    assert len(text.split()) <= 200
