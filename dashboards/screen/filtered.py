"""All sections of the live screen as one filter sees them. sliced.py, window, picture -> here -> hub.py.

What its counters do not split stands in the section `unsplit`, and nowhere else: a page draws it grey and
writes why, and never a number that is of something else.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Set
from functools import partial
from typing import Any, NamedTuple

from django.conf import settings

from dashboards.counting.steps import value_hash
from dashboards.folds.base import LONGEST, MARKS, OTHER
from dashboards.keys import Recent
from dashboards.screen import sections
from dashboards.screen.crossed import Crossing
from dashboards.screen.feed import Feed, titles
from dashboards.screen.filters import LONGEST_PRODUCT, View
from dashboards.screen.frames import State
from dashboards.screen.lastweek import LastWeek
from dashboards.screen.picture import Picture
from dashboards.screen.recipes import RECIPES, Part, Recipe, needs_of
from dashboards.screen.sections import TABS, Section
from dashboards.screen.sights import Crowd, Sight, Sights
from dashboards.screen.sliced import Needs, Slices, Source
from dashboards.screen.window import STAGES, Window

TAB_OF = {"source": "sources", "country": "countries", "device": "devices"}
SAME = ("health", "alerts", "marks")  # of the pipeline and of rules, whatever is looked at
MOST_PRODUCTS = 50  # of a category whose stock is looked at


Views = Callable[[int], Counter[str]]  # of each product in the minute that begins then


class Read(NamedTuple):
    """What the hub has read."""

    window: Window
    slices: Slices
    sights: Sights


class FilteredPicture:
    """What is on the screen of everybody who chose the same filter."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.needs: Needs = needs_of(view, settings.SHOP_CURRENCY)
        self._product = view.values.get("product", "")
        self.stock_wanted: list[str] = [self._product] if self._product else []
        self.last_week = LastWeek()
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

    def draw_numbers(self, base: Picture, read: Read, now: float) -> None:
        """What changes with every frame."""
        whole: Mapping[str, Any] = base.sections()
        self._sections |= {name: whole[name] for name in SAME if name in whole}
        if not self.view.by:
            self._sections |= {name: whole[name] for name in whole.keys() - {"now", "minutes", "ghost"}}
            bots = _bots_by_start(read.window)
            self._sections["now"] = whole["now"] | {"clicks30": whole["now"]["clicks30"] + sum(bots.values())}
            self._sections["minutes"] = _with_bots(whole["minutes"], bots)
            self._sections["unsplit"] = {}
            return
        figures = self._figures(read)
        self._sections["now"] = figures.numbers(whole["now"], read.window)
        self._sections["minutes"] = figures.minutes(read.window, now)
        self._sections["unsplit"] = figures.unsplit(self._sections["now"])
        self._sections["was"] = self.last_week.numbers
        self._sections["ghost"] = self.last_week.minutes

    def _figures(self, read: Read) -> "Figures | Crossing":
        if self.view.also:
            return Crossing(self.view, read.sights.of(self.view), read.sights.crowd(self.view))
        return Figures(self.view, read.slices, settings.SHOP_CURRENCY, read.sights.crowd(self.view))

    def draw_lists(self, base: Picture, read: Read, now: float, shelf: frozenset[str]) -> None:
        """What changes every two seconds. shelf: the products of the category that is looked at."""
        if not self.view.by:
            return
        window = read.window
        self._sections["funnel"] = self._figures(read).funnel()
        self._draw_tabs(base, read)
        known = sections.touched_products(window)
        if self._product:
            known &= {self._product}
        elif "category" in self.view.values:
            known &= shelf
        self._draw_products(base, read, now, known)
        self._feed.take(window.recent.values())
        self._sections["feed"] = self._feed.section(titles(base.names))
        shown = {*self._sections.get("products", ()), *self.stock_wanted}
        self._sections["names"] = {sku: base.names[sku] for sku in sorted(shown) if sku in base.names}

    def _draw_tabs(self, base: Picture, read: Read) -> None:
        sight = read.sights.of(self.view)
        for by, tab in TAB_OF.items():
            counted = read.window.tallies["m", TABS[tab]].total
            if by == self.view.by and not self.view.also:
                rows = base.sections().get(tab, {})
                self._sections[tab] = _with_chosen(rows, counted, self.view.value)
            else:
                self._sections[tab] = _told(sight, by, counted, self.view) if sight else {}

    def _draw_products(self, base: Picture, read: Read, now: float, known: Set[str]) -> None:
        """known: the products that may have a row."""
        sight = read.sights.of(self.view)
        if not self.view.values.keys() & TAB_OF.keys():  # what is on sale there, however it was come upon
            whole = sections.product_figures(read.window, now)
            figures = {sku: whole[sku] for sku in known}
            views: Views = partial(sections.views_at, read.window)
        elif sight:
            figures = _figures_of(sight, known, now)
            views = partial(sight.views_at, known)
        else:
            figures, views = {}, lambda _: Counter()
        if self._product:
            figures.setdefault(self._product, sections.ProductFigures(0, 0, 0, 0))
        else:
            self.stock_wanted = sections.candidates(figures, MOST_PRODUCTS)
        rows = sections.product_rows(figures, base.board.stock, base.board.outlook)
        if rows or not figures:  # else their stock has not been read yet
            self._sections["products"] = rows
        self._sections["sparks"] = sections.sparks(views, read.window.minutes(now)[:-1], rows)

    def products(self) -> set[str]:
        """The products whose title is to be read."""
        return set(self.stock_wanted) | self._feed.products()


class Figures:
    """The numbers of one filter, from the fields that its recipe names."""

    def __init__(self, view: View, slices: Slices, currency: str, crowd: Crowd | None) -> None:
        self._view, self._slices, self._currency, self._crowd = view, slices, currency, crowd
        self._recipe: Recipe = RECIPES[view.by]

    def _total(self, grain: Any, part: Part) -> int:  # noqa: ANN401  a Grain
        return self._slices.total(Source(grain, part.fold, part.topic), self._field(part))

    def _by_start(self, part: Part | None) -> dict[int, int]:
        if part is None:
            return {}
        return self._slices.by_start(Source("m", part.fold, part.topic), self._field(part))

    def _field(self, part: Part) -> str:
        return part.field(self._view.value, self._currency)

    def numbers(self, whole: Mapping[str, object], window: Window) -> Section:
        """The figures above the charts; the rate and the share of bots are of the pipeline."""
        section: Section = {name: whole[name] for name in ("rate", "bots") if name in whole}
        section["clicks30"] = sum(self._total("m", part) for part in self._recipe.seen_by(self._view))
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
        if self._crowd:
            section |= {"visitors": self._crowd.visitors, "visitors30": self._crowd.visitors30}
            funnel = self.funnel()
            if viewed := self._crowd.funnel["view_item"] if "purchase" in funnel else 0:
                section["conversion"] = round(self._crowd.funnel["purchase"] / viewed, 4)
        return section

    def minutes(self, window: Window, now: float) -> Section:
        """Minute since 1970 -> [clicks, orders or null, revenue in micros or null]."""
        clicks = [self._by_start(part) for part in self._recipe.seen_by(self._view)]
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
        """Stage -> [people, null]; a stage that is not split is left out."""
        people = self._crowd.funnel if self._crowd else {}
        return {stage: [people[stage], None] for stage in people if stage in self._recipe.stages}

    def unsplit(self, numbers: Mapping[str, object]) -> Section:
        """What this filter can say nothing of: numbers and tiles by their names on the page."""
        never = {"attention", "pipeline", "searches", "paths"}
        if not self._crowd:
            never.add("visitors")
            never |= {"products"} if self._view.by in TAB_OF else set()
            never |= {tab for by, tab in TAB_OF.items() if by != self._view.by}
        if not {"view_item", "purchase"} <= self.funnel().keys():
            never.add("conversion")
        never |= {name for name in ("orders", "sales") if name not in numbers}
        if not self._recipe.average:
            never.add("average")
        if not self._recipe.orders:
            never.add("minutes.orders")
        never |= STAGES.keys() - self.funnel().keys()
        return dict.fromkeys(sorted(never), 1)


def _figures_of(sight: Sight, known: Set[str], now: float) -> dict[str, sections.ProductFigures]:
    a_minute = sections.views_a_minute(partial(sight.views_at, known), now)
    return {
        sku: sections.ProductFigures(
            found.views, sections.in_carts(found.carts, found.out, found.sold), found.sold, a_minute[sku]
        )
        for sku, found in sight.products(known).items()
    }


def _with_chosen(rows: Section, counted: Mapping[str, int], value: str) -> Section:
    """A tab of what is chosen: each row says what it is of, so all stay, and the chosen one is among them."""
    return rows if value in rows else {**rows, value: [counted.get(value, 0), None]}


def _told(sight: Sight, by: str, known: Mapping[str, int], view: View) -> Section:
    """A tab of clicks that fit the other values, from steps. known: names that their hashes may be of."""
    chosen = view.values.get(by)
    names = {value_hash(name): name for name in (*known, *([chosen] if chosen else ())) if name not in MARKS}
    counted: Counter[str] = Counter()
    for hashed, clicks in sight.told(by).items():
        counted[names.get(hashed, OTHER)] += clicks
    rows = sections.first_rows(counted, before={})
    return _with_chosen(rows, counted, chosen) if chosen else rows


def _chooser(view: View) -> Callable[[Recent], bool] | None:
    """Whether an event is one of those looked at."""
    if not view.by:
        return None
    wanted = [(by, LONGEST_PRODUCT if by == "product" else LONGEST, view.values[by]) for by in view.values]
    return lambda event: all(getattr(event, by)[:longest] == value for by, longest, value in wanted)


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
