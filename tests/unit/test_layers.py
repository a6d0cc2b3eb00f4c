"""Every module has its place in the layers, and ARCHITECTURE.md draws them as they are checked."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
NO_LAYER = {"shopsite.apps", "shopsite.static", "shopsite.templates"}  # hold no logic


def layers() -> list[list[str]]:
    """The import contract's layers, top first, as `lint-imports` reads them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    lines = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return [[name.strip(" ()") for name in re.split(r"[|:]", line)] for line in lines]


def test_every_module_of_the_project_has_a_layer() -> None:
    modules = {
        f"shopsite.{path.stem}"
        for path in (ROOT / "shopsite").iterdir()
        if path.suffix == ".py" or path.is_dir()
    }
    placed = {name for layer in layers() for name in layer}
    assert {name for name in modules if "__" not in name} - placed - NO_LAYER == set()


def test_the_tour_draws_the_layers_that_are_checked() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text.partition("## Layers")[2]
    drawn = section.partition("```")[2].partition("```")[0].strip().splitlines()
    names = [re.findall(r"[\w.]+", line.partition("   ")[0]) for line in drawn]
    assert names == [[name.removeprefix("shopsite.") for name in layer] for layer in layers()]
