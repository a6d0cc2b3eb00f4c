"""Which counted fields stand for each figure of a filter; what none stands for is not split. -> filtered.py.

The clicks of a country, a device or a source are all its events, those of a product what happened to it
(viewed, put into carts, taken out), those of a category its lists opened, products viewed and put into carts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dashboards.folds.base import Topic
from dashboards.folds.slices import LETTERS
from dashboards.screen.filters import View
from dashboards.screen.sliced import Needs, Source, together


@dataclass(frozen=True)
class Part:
    """Fields of one fold whose names are a prefix and the filter's value. `{}` in it is the currency."""

    fold: str
    topic: Topic
    prefix: str = ""

    def field(self, value: str, currency: str) -> str:
        """The field's name."""
        return self.prefix.replace("{}", currency) + value


@dataclass(frozen=True)
class Recipe:
    """What the figures of a dimension are made of; None and what is missing: not split by it."""

    clicks: tuple[Part, ...]
    bots: Part
    stages: Mapping[str, Part] = field(default_factory=dict)  # of the funnel, in steps instead of people
    orders: Part | None = None
    revenue: Part | None = None
    average: bool = False  # whether revenue / orders is what an order came to

    def seen_by(self, view: View) -> tuple[Part, ...]:
        """What the view's clicks are made of: those of bots, too, where it lets them in."""
        return (*self.clicks, self.bots) if view.bots else self.clicks


def _sliced(letter: str, clicks: Part) -> Recipe:
    def of_clicks(stage: str) -> Part:
        return Part("slices", "clicks", f"{letter}{stage}|")

    orders = Part("slices", "orders", f"{letter}o|")
    return Recipe(
        clicks=(clicks,),
        bots=Part("bot_slices", "clicks", f"{letter}|"),
        stages={
            "view_item": of_clicks("v"),
            "add_to_cart": of_clicks("a"),
            "begin_checkout": of_clicks("b"),
            "purchase": orders,
        },
        orders=orders,
        revenue=Part("slices", "orders", f"{letter}r|{{}}|"),
        average=True,
    )


def _each(fold: str, *prefixes: str) -> tuple[Part, ...]:
    return tuple(Part(fold, "clicks", prefix) for prefix in prefixes)


_WITH_PRODUCT = Part("pairs", "orders", "o|")
RECIPES: Mapping[str, Recipe] = {
    "country": _sliced(LETTERS["country"], Part("countries", "clicks")),
    "device": _sliced(LETTERS["device"], Part("devices", "clicks")),
    "source": _sliced(LETTERS["source"], Part("slices", "clicks", "se|")),
    "product": Recipe(
        clicks=_each("products", "v|", "c|", "x|"),
        bots=Part("bot_slices", "clicks", "p|"),
        stages={
            "view_item": Part("products", "clicks", "v|"),
            "add_to_cart": Part("products", "clicks", "c|"),
            "purchase": _WITH_PRODUCT,
        },
        orders=_WITH_PRODUCT,
        revenue=Part("products", "orders", "r|{}|"),
    ),
    "category": Recipe(
        clicks=_each("categories", "l|", "v|", "c|"),
        bots=Part("bot_slices", "clicks", "k|"),
        stages={
            "view_item": Part("categories", "clicks", "v|"),
            "add_to_cart": Part("categories", "clicks", "c|"),
        },
    ),
}


def needs_of(view: View, currency: str) -> Needs:
    """The fields that the view's figures are made of."""
    if not view.by or view.also:
        return {}  # of several values only steps tell: sights.py
    recipe = RECIPES[view.by]
    sold = [part for part in (recipe.orders, recipe.revenue) if part]
    by_minute = [*recipe.seen_by(view), *sold]
    found = [*_fields("m", by_minute, view, currency), *_fields("h", sold, view, currency)]
    return together(found)


def _fields(grain: str, parts: list[Part], view: View, currency: str) -> Iterator[Needs]:
    for part in parts:
        source = Source(grain, part.fold, part.topic)  # type: ignore[arg-type]  # "m" or "h"
        yield {source: frozenset((part.field(view.value, currency),))}
