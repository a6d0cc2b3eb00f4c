"""What a page's address may ask for, and what a filter's figures are made of."""

import pytest

from dashboards.folds.base import OTHER
from dashboards.screen.filters import DIMENSIONS, PLAIN, BadView, View, read_view
from dashboards.screen.recipes import RECIPES, needs_of
from dashboards.screen.showings import Showings
from dashboards.screen.sliced import Source, together


@pytest.mark.parametrize(
    ("asked", "view"),
    [
        ({}, PLAIN),
        ({"hub": "a", "seq": "1", "at": "x", "country": ""}, PLAIN),
        ({"country": "DE"}, View("country", "DE")),
        ({"product": "x" * 100}, View("product", "x" * 100)),
        ({"source": "s" * 80}, View("source", "s" * 60)),
        ({"device": "phone", "bots": "in"}, View("device", "phone", True)),
        ({"bots": "in"}, View(bots=True)),
        ({"device": "phone", "country": "DE"}, View("country", "DE", also=(("device", "phone"),))),
    ],
)
def test_a_filter_is_read_from_the_names_of_an_address(asked: dict[str, str], view: View) -> None:
    assert read_view(asked) == view


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (
            {"country": "DE", "device": "phone", "bots": "in"},
            "bots go with one filter, not with country and device",
        ),
        ({"country": "DE", "source": OTHER}, "not kept apart"),
        ({"source": OTHER}, "not kept apart"),
        ({"country": "D\nE"}, "no country"),
        ({"product": "x" * 129}, "no product"),
        ({"bots": "out"}, "bots are"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_reason(asked: dict[str, str], words: str) -> None:
    with pytest.raises(BadView, match=words):
        read_view(asked)


def test_every_dimension_has_its_figures_and_the_same_ones_are_needed_once() -> None:
    assert tuple(RECIPES) != () and set(RECIPES) == set(DIMENSIONS)
    needs = needs_of(View("country", "DE"), "EUR")
    assert needs[Source("h", "slices", "orders")] == {"co|DE", "cr|EUR|DE"}
    assert needs[Source("m", "countries", "clicks")] == {"DE"}
    assert together([needs, needs]) == needs
    assert needs_of(View(bots=True), "EUR") == {}


def test_several_values_are_one_view_however_they_are_asked_for() -> None:
    view = read_view({"device": "phone", "country": "DE"})
    assert view == read_view({"country": "DE", "device": "phone"})
    assert view.query == "country=DE&device=phone"
    assert view.asked() == {"by": "country", "value": "DE", "also": (("device", "phone"),)}
    assert needs_of(view, "EUR") == {}


def test_a_shelf_is_kept_while_anybody_looks_at_it_under_whatever_else() -> None:
    showings = Showings()
    mugs = showings.join(View("category", "mugs"), "ada")
    german = showings.join(View("category", "mugs", also=(("country", "DE"),)), "ben")
    showings.put_shelf("mugs", frozenset({"MUG"}), now=100.0)
    showings.leave(mugs, "ada")
    assert showings.shelves_due(101.0) == []
    showings.leave(german, "ben")
    showings.join(View("category", "mugs"), "eve")
    assert showings.shelves_due(101.0) == ["mugs"]
