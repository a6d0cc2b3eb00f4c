"""docs/settings.md names every variable that the project reads, with its default and bounds."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
READERS = {"text", "number", "flag", "choice", "items", "mailbox"}
APPS = ("shopsite", "dashboards", "orders", "inventory")
DIRECT = re.compile(r"os\.(?:getenv\(|environ\.get\(|environ\[)\"([A-Z0-9_]+)\"[\])]?(?! =)")
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (.*?) \| (.*?) \| (.+) \|$", re.MULTILINE)


def reads() -> Iterator[tuple[str, str, list[ast.expr]]]:
    """(variable, reader's method, its other arguments) for each `env.<reader>("NAME", ...)`."""
    for node in ast.walk(ast.parse((ROOT / "shopsite" / "settings.py").read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env"), attr=method),
                args=[ast.Constant(value=str(name)), *others],
            ) if method in READERS:
                yield name, method, others


def expected_cells(method: str, others: list[ast.expr]) -> tuple[str, str]:
    """The default and the bounds as the page must give them."""
    default, *bounds = [ast.literal_eval(other) for other in others]
    shown = str(int(default)) if isinstance(default, bool) else str(default)
    match method, bounds:
        case "number", [low, high]:
            limits = f"{low} to {high}"
        case "flag", _:
            limits = "0, 1"
        case "choice", [allowed]:
            limits = ", ".join(allowed)
        case "items", _:
            limits = "list"
        case "mailbox", _:
            limits = "address"
        case _:
            limits = "text"
    return f"`{shown}`" if shown else "none", limits


def documented() -> dict[str, tuple[str, str]]:
    rows = ROW.findall((ROOT / "docs" / "settings.md").read_text())
    assert len(rows) == len({name for name, *_ in rows}), "a variable stands twice"
    return {name: (default, bounds) for name, default, bounds, _ in rows}


def read_directly() -> dict[str, str]:
    """Variables read without config.env, and where: needed before, or without, Django's settings."""
    return {
        name: path.relative_to(ROOT).as_posix()
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        for name in DIRECT.findall(path.read_text())
    }


def test_the_page_names_exactly_the_variables_that_are_read() -> None:
    assert documented().keys() == {name for name, _, _ in reads()} | read_directly().keys()


@pytest.mark.parametrize(("name", "method", "others"), list(reads()))
def test_the_page_gives_default_and_bounds_of(name: str, method: str, others: list[ast.expr]) -> None:
    assert documented()[name] == expected_cells(method, others)


def test_only_settings_and_what_starts_servers_read_the_environment() -> None:
    outside = {path for path in read_directly().values() if not path.startswith("shopsite/runtime/")}
    assert outside == {"shopsite/config.py"}


def test_typed_values_of_the_environment_are_read_in_settings_alone() -> None:
    importing = re.compile(r"^from shopsite\.config import .*\benv\b", re.MULTILINE)
    sources = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    assert [path.name for path in sources if importing.search(path.read_text())] == ["settings.py"]
