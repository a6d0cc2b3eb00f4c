"""The numbers of several values at once, from the last half hour's steps. sights.py -> here -> filtered.py.

What people of one country do with one product is counted nowhere; each step says it, as long as it is kept.
So all of these are exact, and what asks for more than half an hour (today, last week) is not told.
"""

from collections.abc import Mapping

from dashboards.screen.filters import View
from dashboards.screen.recipes import RECIPES
from dashboards.screen.sections import Section
from dashboards.screen.sights import Crowd, Sight, clicks_of
from dashboards.screen.window import Window

_NEVER = frozenset(("attention", "pipeline", "orders", "sales", "average", "searches", "paths"))


class Crossing:
    """The numbers of one such filter. sight, crowd: None where a minute has more steps than are kept."""

    def __init__(self, view: View, sight: Sight | None, crowd: Crowd | None) -> None:
        self._sight, self._crowd = sight, crowd
        self._stages = frozenset.intersection(*(frozenset(RECIPES[by].stages) for by in view.values))
        self._kinds = clicks_of(view)

    def numbers(self, whole: Mapping[str, object], window: Window) -> Section:  # noqa: ARG002  as Figures.numbers
        """The figures above the charts; the rate and the share of bots are of the pipeline."""
        section: Section = {name: whole[name] for name in ("rate", "bots") if name in whole}
        if self._crowd and self._sight:
            section |= {"visitors": self._crowd.visitors, "visitors30": self._crowd.visitors30}
            section["clicks30"] = sum(
                minute.clicks[kind] for minute in self._sight.minutes.values() for kind in self._kinds
            )
            if "purchase" in self._stages:
                section["orders30"] = sum(len(minute.orders) for minute in self._sight.minutes.values())
            if self._tells_conversion and (viewed := self._crowd.funnel["view_item"]):
                section["conversion"] = round(self._crowd.funnel["purchase"] / viewed, 4)
        return section

    @property
    def _tells_conversion(self) -> bool:
        return {"view_item", "purchase"} <= self.funnel().keys()

    def minutes(self, window: Window, now: float) -> Section:
        """Minute since 1970 -> [clicks, orders or null, null]."""
        if not (sight := self._sight):
            return {}
        sold = "purchase" in self._stages
        return {
            str(at // 60): [sight.clicks_at(at, self._kinds), sight.orders_at(at) if sold else None, None]
            for at in window.minutes(now)
        }

    def funnel(self) -> Section:
        """Stage -> [people, null]; a stage that is not split is left out."""
        people = self._crowd.funnel if self._crowd else {}
        return {stage: [people[stage], None] for stage in people if stage in self._stages}

    def unsplit(self, numbers: Mapping[str, object]) -> Section:  # noqa: ARG002  as Figures.unsplit
        """What cannot be told: numbers and tiles by their names on the page."""
        never = {*_NEVER, *(RECIPES["country"].stages.keys() - self.funnel().keys())}
        if not self._sight:
            never |= {"visitors", "products", "minutes", "sources", "countries", "devices"}
        if not self._tells_conversion:
            never.add("conversion")
        if not self._sight or "purchase" not in self._stages:
            never.add("minutes.orders")
        return dict.fromkeys(sorted(never), 1)
