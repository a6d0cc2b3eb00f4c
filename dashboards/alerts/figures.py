"""The figures that a rule may watch, each of any span of time. Aggregates -> here -> evaluate.py.

A new one is a function and a line in FIGURES.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from dashboards.answers.demand import read_demand
from dashboards.answers.spans import distinct, sums
from dashboards.counting.delays import p95_ms
from dashboards.keys import MICRO

Reader = Callable[[datetime, datetime], float | None]


@dataclass(frozen=True)
class Figure:
    """One number of a span; None where nothing was recorded that it could be made of."""

    words: str
    unit: str
    read: Reader
    empty: float | None = None  # what a comparison takes for None; None: then it does not hold
    grows: bool = False  # with the length of the span, as counts do: the usual is scaled
    is_of_now: bool = False  # of the moment it is asked, whatever the span: it has no past


def _sum(fold: str, *fields: str) -> Reader:
    """The sum of a fold's fields, of all where none are named; None where the fold is empty."""

    def read(start: datetime, end: datetime) -> float | None:
        found = sums(start, end, fold)[fold]
        some = [found.get(field, 0) for field in fields] if fields else list(found.values())
        return float(sum(some)) if found else None

    return read


def _revenue(start: datetime, end: datetime) -> float | None:
    found = sums(start, end, "revenue")["revenue"]
    return found.get(settings.SHOP_CURRENCY, 0) / MICRO if found else None


def _visitors(start: datetime, end: datetime) -> float | None:
    (visitors,) = distinct(start, end, "visitors")
    return float(visitors) or None


def _conversion(start: datetime, end: datetime) -> float | None:
    bought, looked = distinct(start, end, "funnel.purchase", "funnel.view_item")
    return _percent(bought, looked)


def _payment_failures(start: datetime, end: datetime) -> float | None:
    found = sums(start, end, "changes")["changes"]
    failed = found.get("order_payment_failed", 0)
    return _percent(failed, failed + found.get("order_paid", 0))


def _searches_in_vain(start: datetime, end: datetime) -> float | None:
    found = sums(start, end, "empty_searches", "searches")
    return _percent(_count(found["empty_searches"]), _count(found["searches"]))


def _count(fields: Mapping[str, int]) -> int:
    return sum(number for field, number in fields.items() if field != "(off)")


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _delay(start: datetime, end: datetime) -> float | None:
    """The delay that 95 of 100 events stayed below, seconds."""
    found = p95_ms(sums(start, end, "delay")["delay"])
    return None if found is None else found / 1000


def _soonest_sell_out(_start: datetime, end: datetime) -> float | None:
    left = [row.minutes_left for row in read_demand(end) if row.minutes_left is not None and not row.is_out]
    return min(left, default=None)


FIGURES: Mapping[str, Figure] = {
    "clicks": Figure("clicks of people", "", _sum("events"), empty=0.0, grows=True),
    "visitors": Figure("visitors", "", _visitors, empty=0.0, grows=True),
    "orders": Figure("paid orders", "", _sum("orders", "orders"), empty=0.0, grows=True),
    "revenue": Figure("revenue in the shop's currency", "", _revenue, empty=0.0, grows=True),
    "refunds": Figure("refunded orders", "", _sum("refunds", "orders"), empty=0.0, grows=True),
    "conversion": Figure("people who buy, of those who look at a product", "%", _conversion),
    "payment_failures": Figure("payments that fail, of all", "%", _payment_failures),
    "searches_in_vain": Figure("searches that find nothing, of all", "%", _searches_in_vain),
    "delay": Figure("delay from event to figure, 95 of 100 below", "s", _delay),
    "bots": Figure("clicks of bots", "", _sum("bots"), empty=0.0, grows=True),
    "sell_out": Figure(
        "minutes until the first product is sold out", "min", _soonest_sell_out, is_of_now=True
    ),
}
