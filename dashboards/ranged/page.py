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
from dashboards.beside import Kind, Number, figure_text
from dashboards.calendar import Period, before, borders
from dashboards.course import read_each, used_edges
from dashboards.figures import drawn
from dashboards.folds.base import MARKS
from dashboards.keys import micros
from dashboards.period import Asked
from dashboards.ranged.drawing import Bucket, Pulse, draw_funnel, draw_pulse, pulse_table
from dashboards.selectors import ProductRow, Report, report
from dashboards.series import FOLDS, MOVED, moved_edges
from shopsite.events.redis import redis_client

KEPT_SECONDS = 5
TOP = 10
LISTED = 7
STEPS = {"view_item": "Viewed", "add_to_cart": "Cart", "begin_checkout": "Checkout", "purchase": "Paid"}
LISTS = {"referrers": "Sources", "countries": "Countries", "devices": "Devices"}
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


@dataclass
class RangePage:
    """What the page shows."""

    numbers: list[Number] = field(default_factory=list)
    pulse: dict[str, Any] = field(default_factory=dict)
    funnel: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    products: list[tuple[Named, ProductRow, str]] = field(default_factory=list)  # with the revenue
    lists: list[tuple[str, list[Number]]] = field(default_factory=list)
    then: str = ""  # what it is compared with, in words
    then_start: datetime | None = None
    then_end: datetime | None = None
    notes: list[str] = field(default_factory=list)
    quiet: bool = True  # nothing happened
    trouble: str = ""  # why there are no figures


def read_range(asked: Asked, now: datetime) -> RangePage:
    """Everything of the range; what Redis does not tell is said. Raises DatabaseError."""
    span = f"{asked.start.timestamp():.0f}-{asked.end.timestamp():.0f}"
    name = f"{settings.REDIS_PREFIX}range:{span}:{asked.grain}:{asked.compare}"
    found: RangePage | None = cache.get(name)
    if found is None:
        try:
            found = _read(redis_client(), asked, now)
        except (RedisError, OSError) as error:
            return RangePage(trouble=f"Redis does not answer, so there are no figures: {error}")
        cache.set(name, found, KEPT_SECONDS)
    return found


def _read(client: redis.Redis, asked: Asked, now: datetime) -> RangePage:
    page = RangePage()
    here, there = report(client, asked.start, asked.end, TOP), None
    if asked.compare:
        page.then, bounds = THEN[asked.compare], before(asked.compare, asked.start, asked.end)
        if bounds[0] < bounds[1]:
            page.then_start, page.then_end = bounds
            there = report(client, *bounds, TOP)
        else:
            page.notes.append("nothing to compare with: the clocks skipped that hour")
    page.numbers = _numbers(here, there)
    page.quiet = not (here.events or here.orders["orders"])
    course, notes = _pulse(client, asked, there is not None)
    page.notes += [*here.notes, *notes]
    page.pulse = drawn({"chart": lambda c: draw_pulse(c, course, now)}) | pulse_table(course)
    page.pulse |= {"at": int(now.timestamp() * 1000), "name": "range", "title": "Clicks and orders"}
    page.steps = _steps(here, there)
    people = [(name, here.funnel[key], there.funnel[key] if there else None) for key, name in STEPS.items()]
    page.funnel = drawn({"chart": lambda c: draw_funnel(c, people)})
    page.products = _products(here.products)
    page.lists = _lists(asked, page)
    return page


def _numbers(here: Report, there: Report | None) -> list[Number]:
    def number(name: str, take: Callable[[Report], float | None], kind: Kind = "count") -> Number:
        return Number(name, take(here), take(there) if there else None, kind)

    return [
        number("Visitors", lambda found: found.visitors),
        number("Sales", _sales, "money"),
        number("Orders", lambda found: found.orders["orders"]),
        number("Conversion", _conversion, "share"),
        number("Average order", _average, "money"),
    ]


def _sales(found: Report) -> int:
    return micros(Decimal(found.revenue.get(settings.SHOP_CURRENCY, "0")))


def _conversion(found: Report) -> float | None:
    viewed = found.funnel["view_item"]
    return found.funnel["purchase"] / viewed if viewed else None


def _average(found: Report) -> float | None:
    """None, too, where some orders were in other currencies: which ones, nobody counts."""
    alone = not found.revenue.keys() - {settings.SHOP_CURRENCY}
    orders = found.orders["orders"]
    return _sales(found) / orders if orders and alone else None


def _pulse(client: redis.Redis, asked: Asked, compared: bool) -> tuple[Pulse, list[str]]:
    edges = borders(asked.grain, asked.start, asked.end)
    now, notes = _buckets(client, edges)
    was: list[Bucket] = []
    if compared and asked.compare:
        was, more = _buckets(client, moved_edges(asked.compare, asked.start, asked.end, edges))
        notes += [f"then: {note}" for note in more]
    return Pulse(edges, now, was, asked.grain), notes


def _buckets(client: redis.Redis, edges: Sequence[int]) -> tuple[list[Bucket], list[str]]:
    used = used_edges(client, edges)
    found = [
        Bucket(
            sum(folds["events"].values()),
            folds["orders"].get("orders", 0),
            folds["revenue"].get(settings.SHOP_CURRENCY, 0),
        )
        for folds in read_each(client, used, *FOLDS)
    ]
    return found, [] if used == list(edges) else [MOVED]


def _steps(here: Report, there: Report | None) -> list[Step]:
    found, before_ = [], ""
    for key, name in STEPS.items():
        now, was = (_lost(one, before_, key) if one and before_ else None for one in (here, there))
        found.append(Step(name, here.funnel[key], Number("lost", now, was, "share")))
        before_ = key
    return found


def _lost(found: Report, before_: str, key: str) -> float | None:
    came = found.funnel[before_]
    return max(0.0, 1 - found.funnel[key] / came) if came else None


def _products(rows: Sequence[ProductRow]) -> list[tuple[Named, ProductRow, str]]:
    names = names_of(row.product_id for row in rows)
    return [
        (
            names[row.product_id],
            row,
            ", ".join(
                f"{figure_text(micros(Decimal(amount)), 'money')} {currency}"
                for currency, amount in row.revenue.items()
            ),
        )
        for row in rows
    ]


def _lists(asked: Asked, page: RangePage) -> list[tuple[str, list[Number]]]:
    here = sums(asked.start, asked.end, *LISTS)
    there = sums(page.then_start, page.then_end, *LISTS) if page.then_start and page.then_end else None
    return [
        (
            words,
            [
                Number(name or "unknown", number, there[fold].get(name, 0) if there else None)
                for name, number in sorted(here[fold].items(), key=lambda pair: (-pair[1], pair[0]))
                if name not in MARKS
            ][:LISTED],
        )
        for fold, words in LISTS.items()
    ]
