"""All sections of the live screen as one filter sees them. sliced.py, window, picture -> here -> hub.py.

What its counters do not split stands in the section `unsplit`, and nowhere else: a page draws it grey and
writes why, and never a number that is of something else.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.conf import settings

from dashboards import sections
from dashboards.feed import Feed, titles
from dashboards.filters import LONGEST_PRODUCT, View
from dashboards.folds.base import LONGEST
from dashboards.frames import State
from dashboards.keys import Recent
from dashboards.picture import Picture
from dashboards.recipes import RECIPES, Part, Recipe, needs_of
from dashboards.sections import TABS, Section
from dashboards.sliced import Needs, Slices, Source
from dashboards.window import STAGES, Window

TAB_OF = {"source": "sources", "country": "countries", "device": "devices"}
SAME = ("health", "alerts", "marks")  # of the pipeline and of rules, whatever is looked at
MOST_PRODUCTS = 50  # of a category whose stock is looked at


class FilteredPicture:
    """What is on the screen of everybody who chose the same filter."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.needs: Needs = needs_of(view, settings.SHOP_CURRENCY)
        self.stock_wanted: list[str] = [view.value] if view.by == "product" else []
        self._feed = Feed(_chooser(view))
        self._sections: State = {"view": view.asked()}

    def sections(self) -> State:
        """Everything, as a frame takes it."""
        return self._sections

    def watch(self, people: Iterable[str]) -> None:
        """Whose events are kept longer than others'."""
        self._feed.watching = {person for person in people if person}

    def lose(self, base: Picture) -> None:
        """Say what the whole screen says of figures that stand still."""
        self._sections["health"] = base.sections().get("health", {})

    def draw_numbers(self, base: Picture, window: Window, slices: Slices, now: float) -> None:
        """What changes with every frame."""
        whole: Mapping[str, Any] = base.sections()
        self._sections |= {name: whole[name] for name in SAME if name in whole}
        if not self.view.by:
            self._sections |= {name: whole[name] for name in whole.keys() - {"now", "minutes", "ghost"}}
            bots = _bots_by_start(window)
            self._sections["now"] = whole["now"] | {"clicks30": whole["now"]["clicks30"] + sum(bots.values())}
            self._sections["minutes"] = _with_bots(whole["minutes"], bots)
            self._sections["unsplit"] = {}
            return
        figures = Figures(self.view, slices, settings.SHOP_CURRENCY)
        self._sections["now"] = figures.numbers(whole["now"], window)
        self._sections["minutes"] = figures.minutes(window, now)
        self._sections["unsplit"] = figures.unsplit(self._sections["now"])

    def draw_lists(
        self, base: Picture, window: Window, slices: Slices, now: float, shelf: frozenset[str]
    ) -> None:
        """What changes every two seconds. shelf: the products of the category that is looked at."""
        if not self.view.by:
            return
        self._sections["funnel"] = Figures(self.view, slices, settings.SHOP_CURRENCY).funnel()
        if tab := TAB_OF.get(self.view.by):
            self._sections[tab] = _own_tab(window, tab, self.view.value, base)
        if self.view.by in ("product", "category"):
            chosen = frozenset((self.view.value,)) if self.view.by == "product" else shelf
            self._draw_products(base, window, now, chosen)
        self._feed.take(window.recent.values())
        self._sections["feed"] = self._feed.section(titles(base.names))
        shown = {*self._sections.get("products", ()), *self.stock_wanted}
        self._sections["names"] = {sku: base.names[sku] for sku in sorted(shown) if sku in base.names}

    def _draw_products(self, base: Picture, window: Window, now: float, chosen: frozenset[str]) -> None:
        figures = {
            sku: found for sku, found in sections.product_figures(window, now).items() if sku in chosen
        }
        if self.view.by == "product":
            figures.setdefault(self.view.value, sections.ProductFigures(0, 0, 0, 0))
        else:
            self.stock_wanted = sections.candidates(figures, MOST_PRODUCTS)
        rows = sections.product_rows(figures, base.board.stock, base.board.outlook)
        self._sections["products"] = rows
        self._sections["sparks"] = sections.sparks(window, now, rows)

    def products(self) -> set[str]:
        """The products whose title is to be read."""
        return set(self.stock_wanted) | self._feed.products()


class Figures:
    """The numbers of one filter, from the fields that its recipe names."""

    def __init__(self, view: View, slices: Slices, currency: str) -> None:
        self._view, self._slices, self._currency = view, slices, currency
        self._recipe: Recipe = RECIPES[view.by]

    def _total(self, grain: Any, part: Part) -> int:  # noqa: ANN401  a Grain
        return self._slices.total(Source(grain, part.fold, part.topic), self._field(part))

    def _by_start(self, part: Part | None) -> dict[int, int]:
        if part is None:
            return {}
        return self._slices.by_start(Source("m", part.fold, part.topic), self._field(part))

    def _field(self, part: Part) -> str:
        return part.field(self._view.value, self._currency)

    def _clicks(self) -> tuple[Part, ...]:
        return (*self._recipe.clicks, self._recipe.bots) if self._view.bots else self._recipe.clicks

    def numbers(self, whole: Mapping[str, object], window: Window) -> Section:
        """The figures above the charts; the rate and the share of bots are of the pipeline."""
        section: Section = {name: whole[name] for name in ("rate", "bots") if name in whole}
        section["clicks30"] = sum(self._total("m", part) for part in self._clicks())
        recipe = self._recipe
        orders = self._total("h", recipe.orders) if recipe.orders else None
        sales = self._total("h", recipe.revenue) if recipe.revenue else None
        if orders is not None:
            section["orders"] = orders
        if sales is not None:
            section["sales"] = sales
        others = window.tallies["h", "revenue"].total.keys() - {self._currency}
        if recipe.average and orders and sales is not None and not others:
            section["average"] = round(sales / orders)
        return section

    def minutes(self, window: Window, now: float) -> Section:
        """Minute since 1970 -> [clicks, orders or null, revenue in micros or null]."""
        clicks = [self._by_start(part) for part in self._clicks()]
        orders, revenue = self._by_start(self._recipe.orders), self._by_start(self._recipe.revenue)
        return {
            str(at // 60): [
                sum(each.get(at, 0) for each in clicks),
                orders.get(at, 0) if self._recipe.orders else None,
                revenue.get(at, 0) if self._recipe.revenue else None,
            ]
            for at in window.minutes(now)
        }

    def funnel(self) -> Section:
        """Stage -> [steps, null]; a stage that is not split is left out."""
        return {
            stage: [self._total("m", self._recipe.stages[stage]), None]
            for stage in STAGES
            if stage in self._recipe.stages
        }

    def unsplit(self, numbers: Mapping[str, object]) -> Section:
        """What this filter can say nothing of: numbers and tiles by their names on the page."""
        never = {"visitors", "conversion", "attention", "pipeline", "searches", "paths"}
        never |= {name for name in ("orders", "sales") if name not in numbers}
        if not self._recipe.average:
            never.add("average")
        if not self._recipe.orders:
            never.add("minutes.orders")
        never |= {stage for stage in STAGES if stage not in self._recipe.stages}
        never |= {tab for by, tab in TAB_OF.items() if by != self._view.by}
        if self._view.by not in ("product", "category"):
            never.add("products")
        return dict.fromkeys(sorted(never), 1)


def _own_tab(window: Window, tab: str, value: str, base: Picture) -> Section:
    """The dimension's own tab: each row says what it is of, so all stay, and the chosen one is among them."""
    rows = base.sections().get(tab, {})
    if value in rows:
        return rows
    fields = window.tallies["m", TABS[tab]].total
    return {**rows, value: [fields.get(value, 0), None]}


def _chooser(view: View) -> Callable[[Recent], bool] | None:
    """Whether an event is one of those looked at."""
    if not view.by:
        return None
    longest = LONGEST_PRODUCT if view.by == "product" else LONGEST
    return lambda event: getattr(event, view.by)[:longest] == view.value


def _bots_by_start(window: Window) -> dict[int, int]:
    sums: dict[int, int] = {}
    for (start, _), fields in window.tallies["m", "bots"].buckets.items():
        sums[start] = sums.get(start, 0) + sum(fields.values())
    return sums


def _with_bots(minutes: Mapping[str, Any], bots: Mapping[int, int]) -> Section:
    return {
        minute: [clicks + bots.get(int(minute) * 60, 0), orders, revenue]
        for minute, (clicks, orders, revenue) in minutes.items()
    }
