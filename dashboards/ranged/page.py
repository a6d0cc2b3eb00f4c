"""The figures of a range as the live page shows them, beside another. report, series -> here -> views.py."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import redis
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from dashboards.answers.names import Named, names_of
from dashboards.answers.spans import sums
from dashboards.folds.base import MARKS
from dashboards.keys import micros
from dashboards.ranged.drawing import Pulse, draw_funnel, draw_pulse, draw_revenue, pulse_table, revenue_table
from dashboards.ranged.told import Bucket, Told, tell, tell_each
from dashboards.reports.beside import Kind, Number, figure_text, told
from dashboards.reports.calendar import Period, before, borders
from dashboards.reports.course import used_edges
from dashboards.reports.period import Asked
from dashboards.reports.selectors import ProductRow
from dashboards.reports.series import MOVED, moved_edges
from dashboards.screen.figures import drawn
from dashboards.screen.filters import View
from dashboards.screen.places import place, product_of, steps
from dashboards.screen.recipes import RECIPES
from shopsite.catalogue.models import Category
from shopsite.events.redis import redis_client

KEPT_SECONDS = 5
LONGEST_NAME = 240  # characters of a cache's key
LISTED = 7
STEPS = {"view_item": "Viewed", "add_to_cart": "Cart", "begin_checkout": "Checkout", "purchase": "Paid"}
LISTS = {
    "referrers": ("Sources", "source"),
    "countries": ("Countries", "country"),
    "devices": ("Devices", "device"),
    "searches": ("Searches", ""),  # no filter is of what was typed, or of a step
    "paths": ("Paths", ""),
}
THEN: Mapping[Period, str] = {
    "previous": "the time before",
    "week": "a week before",
    "year": "a year before",
}


class Step(NamedTuple):
    """A step of the funnel: how many came so far, and the share that was lost on the way there."""

    name: str
    people: int
    lost: Number  # now and then


class Listed(NamedTuple):
    """The values of one dimension by their clicks."""

    title: str
    by: str  # the filter that a row leads to; "": none
    rows: list[Number] | None  # None: not split by the filter


@dataclass
class RangePage:
    """What the page shows."""

    numbers: list[Number] = field(default_factory=list)
    pulse: dict[str, Any] = field(default_factory=dict)
    revenue: dict[str, Any] = field(default_factory=dict)
    funnel: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    products: list[tuple[Named, ProductRow, str, str]] | None = None  # with the revenue; None: not split
    lists: list[Listed] = field(default_factory=list)
    unsplit: frozenset[str] = frozenset()  # names of numbers
    counted: str = "people"  # what the funnel counts
    then: str = ""  # what it is compared with, in words
    then_start: datetime | None = None
    then_end: datetime | None = None
    notes: list[str] = field(default_factory=list)
    quiet: bool = True  # nothing happened
    trouble: str = ""  # why there are no figures


def read_range(asked: Asked, view: View, now: datetime) -> RangePage:
    """Everything of the range; what Redis does not tell is said. Raises DatabaseError."""
    span = f"{asked.start.timestamp():.0f}-{asked.end.timestamp():.0f}"
    seen = f"{view.by}:{view.value.encode().hex()}:{view.bots}"  # values may hold what no cache's key may
    name = f"{settings.REDIS_PREFIX}range:{span}:{asked.grain}:{asked.compare}:{seen}"
    found: RangePage | None = cache.get(name) if len(name) <= LONGEST_NAME else None
    if found is None:
        try:
            found = _read(redis_client(), asked, view, now)
        except (RedisError, OSError) as error:
            return RangePage(trouble=f"Redis does not answer, so there are no figures: {error}")
        if len(name) <= LONGEST_NAME:
            cache.set(name, found, KEPT_SECONDS)
    return found


def _read(client: redis.Redis, asked: Asked, view: View, now: datetime) -> RangePage:
    page = RangePage()
    here, there = tell(client, view, asked.start, asked.end), None
    if asked.compare:
        page.then, bounds = THEN[asked.compare], before(asked.compare, asked.start, asked.end)
        if bounds[0] < bounds[1]:
            page.then_start, page.then_end = bounds
            there = tell(client, view, *bounds)
        else:
            page.notes.append("nothing to compare with: the clocks skipped that hour")
    page.numbers = _numbers(here, there)
    page.unsplit = _unsplit(view)
    page.quiet = here.quiet
    course, notes = _pulse(client, asked, view, there is not None)
    page.notes += [*here.notes, *notes]
    page.pulse = drawn({"chart": lambda c: draw_pulse(c, course, now)}) | pulse_table(course)
    page.pulse |= {"at": int(now.timestamp() * 1000), "name": "range", "title": "Clicks and orders"}
    page.revenue = drawn({"chart": lambda c: draw_revenue(c, course, now)}) | revenue_table(course)
    page.revenue |= {"at": page.pulse["at"], "name": "revenue", "title": "Revenue"}
    page.counted = "steps" if view.by else "people"
    page.steps = _steps(here, there)
    people = [
        (name, here.funnel[key], there.funnel[key] if there else None)
        for key, name in STEPS.items()
        if key in here.funnel
    ]
    page.funnel = drawn({"chart": lambda c: draw_funnel(c, people)}) | _funnel_table(page.counted, people)
    page.funnel |= {"at": page.pulse["at"], "name": "funnel", "title": f"Funnel, {page.counted}"}
    page.products = None if here.products is None else _products(here.products)
    page.lists = _lists(asked, view, page)
    return page


def _funnel_table(counted: str, people: Sequence[tuple[str, int, int | None]]) -> dict[str, Any]:
    """As pulse_table()."""
    rows: list[list[object]] = [[name, now, was] for name, now, was in people]
    return {"heads": ["Step", counted, "then"], "csv": [["step", counted, "then"], *rows]}


def _unsplit(view: View) -> frozenset[str]:
    """The numbers of which this filter can say nothing."""
    if not view.by:
        return frozenset()
    recipe = RECIPES[view.by]
    known = {"Sales": recipe.revenue, "Orders": recipe.orders, "Average order": recipe.average}
    return frozenset({"Visitors", "Conversion", *(name for name, part in known.items() if not part)})


def _numbers(here: Told, there: Told | None) -> list[Number]:
    def number(name: str, take: Callable[[Told], float | None], kind: Kind = "count") -> Number:
        return Number(name, take(here), take(there) if there else None, kind)

    return [
        number("Visitors", lambda found: found.visitors),
        number("Sales", lambda found: found.sales, "money"),
        number("Orders", lambda found: found.orders),
        number("Conversion", lambda found: found.conversion, "share"),
        number("Average order", lambda found: found.average, "money"),
    ]


def _pulse(client: redis.Redis, asked: Asked, view: View, compared: bool) -> tuple[Pulse, list[str]]:
    edges = borders(asked.grain, asked.start, asked.end)
    now, notes = _buckets(client, view, edges)
    was: list[Bucket] = []
    if compared and asked.compare:
        was, more = _buckets(client, view, moved_edges(asked.compare, asked.start, asked.end, edges))
        notes += [f"then: {note}" for note in more]
    return Pulse(edges, now, was, asked.grain), notes


def _buckets(client: redis.Redis, view: View, edges: Sequence[int]) -> tuple[list[Bucket], list[str]]:
    used = used_edges(client, edges)
    return tell_each(client, view, used), [] if used == list(edges) else [MOVED]


def _steps(here: Told, there: Told | None) -> list[Step]:
    found, before_ = [], ""
    for key, name in STEPS.items():
        if key not in here.funnel:
            continue
        now, was = (_lost(one, before_, key) if one and before_ else None for one in (here, there))
        found.append(Step(name, here.funnel[key], Number("lost", now, was, "share")))
        before_ = key
    return found


def _lost(found: Told, before_: str, key: str) -> float | None:
    came = found.funnel[before_]
    return max(0.0, 1 - found.funnel[key] / came) if came else None


def _products(rows: Sequence[ProductRow]) -> list[tuple[Named, ProductRow, str, str]]:
    """Each with its revenue in words, and for the page's script where it is in one currency."""
    names = names_of(row.product_id for row in rows)
    return [
        (
            names[row.product_id],
            row,
            ", ".join(
                f"{figure_text(micros(Decimal(amount)), 'money')} {currency}"
                for currency, amount in row.revenue.items()
            ),
            _revenue_told(row) if len(row.revenue) == 1 else "",
        )
        for row in rows
    ]


def _revenue_told(row: ProductRow) -> str:
    ((currency, amount),) = row.revenue.items()
    return f"{told(micros(Decimal(amount)), 'money')} {currency}"


def _lists(asked: Asked, view: View, page: RangePage) -> list[Listed]:
    here = sums(asked.start, asked.end, *LISTS)
    there = sums(page.then_start, page.then_end, *LISTS) if page.then_start and page.then_end else None
    found = []
    for fold, (words, by) in LISTS.items():
        most = sorted(here[fold].items(), key=lambda pair: (-pair[1], pair[0]))
        shown = [(name, number) for name, number in most if name not in MARKS and name][:LISTED]
        names = _ways([name for name, _ in shown]) if fold == "paths" else {}
        rows = [
            Number(names.get(name, name), number, there[fold].get(name, 0) if there else None)
            for name, number in shown
        ]
        found.append(Listed(words, by, rows if not view.by or view.by == by else None))
    return found


def _ways(fields: Sequence[str]) -> dict[str, str]:
    """Steps from page to page as a reader has them: the words of both, an arrow between."""
    paths = {path for field in fields for path in steps(field)}
    titles = names_of(filter(None, map(product_of, paths)))
    shelves = dict(Category.objects.values_list("slug", "name"))

    def said(path: str) -> str:
        return place(path, lambda sku: titles[sku].title, lambda slug: shelves.get(slug, slug))

    return {field: " → ".join(map(said, steps(field))) for field in fields}
