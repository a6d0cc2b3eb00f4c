"""People and products of each filter in use, counted step by step. Redis `steps` -> here -> filtered.py.

What is new of a minute is read once for all filters; a filter that is new reads the half hour. Each keeps its
own people by minute, so that what grows old is dropped with its minute.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from dashboards.counting.steps import (
    CART,
    CHECKOUT,
    FULL,
    NOBODY,
    NOWHERE,
    OUT,
    PAID,
    VIEW,
    VISIT,
    Step,
    hashed,
    unpacked,
    value_hash,
)
from dashboards.screen.filters import View
from dashboards.screen.window import VISIT_MS, Window
from shopsite.events.redis import queue

STAGES = {"view_item": VIEW, "add_to_cart": CART, "begin_checkout": CHECKOUT, "purchase": PAID}
TELLS = ("country", "device", "source")  # what clicks are counted by, beside a filter of something else
_CLICKS = frozenset((VISIT, VIEW, CART, OUT, CHECKOUT))
_CLICKS_OF = {
    "product": frozenset((VIEW, CART, OUT)),
    "category": frozenset((VISIT, VIEW, CART)),
}  # as recipes.py
_AT_ONCE = 20  # minutes of partitions read together: a busy one has a thousand steps and more


class Place(NamedTuple):
    """A minute of one partition."""

    start: int
    tp: str


class Touched(NamedTuple):
    """What the half hour says of one product."""

    views: int
    carts: int  # put in
    out: int  # taken out
    sold: int  # units


class Crowd(NamedTuple):
    """The people of one filter."""

    visitors: int  # in five minutes
    visitors30: int
    funnel: dict[str, int]  # stage -> people who took it


def clicks_of(view: View) -> frozenset[int]:
    """The kinds of steps that are clicks of all that the view looks at."""
    return _CLICKS.intersection(*(_CLICKS_OF.get(by, _CLICKS) for by in view.values))


class Minute:
    """What a filter lets through of one place."""

    def __init__(self) -> None:
        self.last: dict[bytes, int] = {}  # who clicked, and when last, ms since the minute began
        self.people: dict[int, set[bytes]] = {kind: set() for kind in STAGES.values()}
        self.clicks: Counter[int] = Counter()  # by kind
        self.orders: set[tuple[bytes, int]] = set()  # an order's lines have one buyer and one moment
        self.products: Counter[tuple[int, bytes]] = Counter()  # by kind; of PAID units
        self.told: dict[str, Counter[bytes]] = {by: Counter() for by in TELLS}  # clicks by value

    def add(self, step: Step) -> None:
        """One step more."""
        if step.kind != PAID:
            self.last[step.user] = max(step.ms, self.last.get(step.user, 0))
            self.clicks[step.kind] += 1
        else:
            self.orders.add((step.user, step.ms))
        if step.kind in self.people and step.user != NOBODY:
            self.people[step.kind].add(step.user)

    def add_product(self, step: Step) -> None:
        """What happened to the product of one step more."""
        if step.product != NOBODY:
            self.products[step.kind, step.product] += step.units or 1


class Sight:
    """What one filter lets through of the half hour."""

    def __init__(self, view: View) -> None:
        wanted = {
            Step._fields.index(by): hashed(value) if by == "product" else value_hash(value)
            for by, value in view.values.items()
        }
        shelf = Step._fields.index("category")
        # a sold line names no category: beside other values the catalogue tells the shelf, in filtered.py
        self._on_sale = {field: value for field, value in wanted.items() if field != shelf} or wanted
        self._more = {field: value for field, value in wanted.items() if field not in self._on_sale}
        self._kinds = clicks_of(view)
        # of several values each is told by what fits the others, so that another of its own can be chosen
        self._others = {
            by: {field: value for field, value in wanted.items() if field != Step._fields.index(by)}
            for by in TELLS
            if view.also and by in view.values
        }
        self.minutes: dict[Place, Minute] = {}

    def add(self, place: Place, steps: Sequence[Step]) -> None:
        """Take those that the filter lets through."""
        on_sale = _fitting(steps, self._on_sale)
        fitting = _fitting(on_sale, self._more)
        clicks = self._clicks(fitting)
        told = dict.fromkeys(TELLS, clicks)
        told |= {by: self._clicks(_fitting(steps, others)) for by, others in self._others.items()}
        if not any((on_sale, *told.values())):
            return
        minute = self.minutes.setdefault(place, Minute())
        for step in on_sale:
            minute.add_product(step)
        for step in fitting:
            minute.add(step)
        for by, some in told.items():
            minute.told[by].update(map(attrgetter(by), some))

    def _clicks(self, steps: Iterable[Step]) -> list[Step]:
        return [step for step in steps if step.kind in self._kinds]

    def told(self, by: str) -> Counter[bytes]:
        """Clicks by the hash of each value of a dimension, of what fits the other values."""
        total: Counter[bytes] = Counter()
        for minute in self.minutes.values():
            total.update(minute.told[by])
        del total[NOWHERE]
        return total

    def clicks_at(self, start: int, kinds: Iterable[int]) -> int:
        """Clicks of these kinds in one minute."""
        some = [minute.clicks for place, minute in self.minutes.items() if place.start == start]
        return sum(clicks[kind] for clicks in some for kind in kinds)

    def orders_at(self, start: int) -> int:
        """Orders that were paid in one minute."""
        return sum(len(minute.orders) for place, minute in self.minutes.items() if place.start == start)

    def visitors(self, since_ms: float = 0) -> int:
        """Whoever clicked from then on (epoch ms)."""
        after = {place: since_ms - place.start * 1000 for place in self.minutes}
        return len(
            {
                user
                for place, minute in self.minutes.items()
                if after[place] < 60_000
                for user, ms in minute.last.items()
                if ms >= after[place]
            }
        )

    def funnel(self) -> dict[str, int]:
        """Stage -> the people who took it."""
        return {
            stage: len(set().union(*(minute.people[kind] for minute in self.minutes.values())))
            for stage, kind in STAGES.items()
        }

    def products(self, known: Iterable[str]) -> dict[str, Touched]:
        """What happened to each of these that anybody touched."""
        total: Counter[tuple[int, bytes]] = Counter()
        for minute in self.minutes.values():
            total.update(minute.products)
        found = {}
        for sku in known:
            kinds = [total[kind, hashed(sku)] for kind in (VIEW, CART, OUT, PAID)]
            if any(kinds):
                found[sku] = Touched(*kinds)
        return found

    def views_at(self, known: Iterable[str], start: int) -> Counter[str]:
        """Views of each product in one minute."""
        some = [minute.products for place, minute in self.minutes.items() if place.start == start]
        return Counter({sku: sum(products[VIEW, hashed(sku)] for products in some) for sku in known})


def _fitting(steps: Iterable[Step], wanted: Mapping[int, bytes]) -> list[Step]:
    """Those whose fields have these values; a comprehension each, since a call a step costs more."""
    found = list(steps)
    for field, value in wanted.items():
        found = [step for step in found if step[field] == value]
    return found


class Sights:
    """Those of the filters in use; read by the task that makes frames."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._sights: dict[View, Sight] = {}
        self._crowds: dict[View, Crowd] = {}
        self._read: dict[Place, int] = {}  # bytes
        self._due: set[Place] = set()
        self._full: set[Place] = set()

    def of(self, view: View) -> Sight | None:
        """What one filter sees; None where a minute is full, so that it may lack some."""
        return None if self._full else self._sights.get(view)

    def crowd(self, view: View) -> Crowd | None:
        """Its people, as they were read last."""
        return None if self._full else self._crowds.get(view)

    def lack(self, views: Iterable[View]) -> bool:
        """Whether one of them was not read yet."""
        return any(view.by and view not in self._sights for view in views)

    def touch(self, tp: str, names: Iterable[str]) -> None:
        """Note which minutes a batch changed."""
        prefix = self._window.keys.steps(tp, 0)[:-1]
        self._due |= {Place(int(name[len(prefix) :]), tp) for name in names if name.startswith(prefix)}

    async def read(self, views: Iterable[View], now: float) -> None:
        """Read what is new of the minutes that are shown."""
        starts = self._window.minutes(now)
        wanted = {view: self._sights.get(view) or Sight(view) for view in views if view.by}
        if wanted.keys() - self._sights.keys():
            wanted = {view: Sight(view) for view in wanted}
            self._read, self._full = {}, set()
            self._due = {Place(start, tp) for start in starts for tp in self._partitions()}
        self._sights = wanted
        ready = {place for place in self._due if place.start <= starts[-1]}
        self._due -= ready
        if not wanted:
            self._crowds = {}
            return
        shown = sorted(place for place in ready if place.start >= starts[0])
        for first in range(0, len(shown), _AT_ONCE):
            await self._take(shown[first : first + _AT_ONCE])
        self._forget(starts[0])
        since = now * 1000 - VISIT_MS
        self._crowds = {
            view: Crowd(sight.visitors(since), sight.visitors(), sight.funnel())
            for view, sight in wanted.items()
        }

    def _partitions(self) -> Iterator[str]:
        yield from self._window.of("clicks")
        yield from self._window.of("orders")

    async def _take(self, places: list[Place]) -> None:
        async with self._window.redis.pipeline(transaction=False) as pipe:
            for place in places:
                queue(
                    pipe,
                    "GETRANGE",
                    self._window.keys.steps(place.tp, place.start),
                    self._read.get(place, 0),
                    -1,
                )
            texts = await pipe.execute()
        for place, text in zip(places, texts, strict=True):
            self._read[place] = self._read.get(place, 0) + len(text)
            if self._read[place] > FULL:
                self._full.add(place)
            steps = list(unpacked(text))
            for sight in self._sights.values():
                sight.add(place, steps)
            await asyncio.sleep(0)

    def _forget(self, before: int) -> None:
        self._read = {place: size for place, size in self._read.items() if place.start >= before}
        self._full &= self._read.keys()
        for sight in self._sights.values():
            for place in [place for place in sight.minutes if place.start < before]:
                del sight.minutes[place]
