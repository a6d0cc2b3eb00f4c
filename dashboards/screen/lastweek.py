"""The same figures a week ago, once a minute. selectors.py -> here -> picture.py, filtered.py.

What was not recorded then, or is no longer kept so fine, is left out: the page writes a dash.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from dashboards.counting.store import live_partitions
from dashboards.keys import bucket
from dashboards.past.ranges import cover
from dashboards.past.spans import Span
from dashboards.reports.selectors import list_minutes
from dashboards.screen.filters import View
from dashboards.screen.recipes import RECIPES, Part, Recipe
from dashboards.screen.sections import TABS, Section
from dashboards.screen.window import MINUTES, STAGES, VISIT_MS
from shopsite.events.redis import redis_client


@dataclass(frozen=True)
class LastWeek:
    """What a week ago looked like at this time of day."""

    numbers: Section = field(default_factory=dict)  # as sections.numbers
    minutes: Section = field(default_factory=dict)  # minute of now -> [clicks, orders]
    funnel: Mapping[str, int] = field(default_factory=dict)
    tabs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # by fold


class _Then(NamedTuple):
    """The time of a week ago."""

    minute: datetime
    day: Span | None  # from midnight on
    chart: Span | None
    shift: int  # seconds from there until now


def _then(now: float) -> _Then:
    # by the wall clock: a shop's Monday noon stays noon when the clocks change
    then = datetime.fromtimestamp(now, ZoneInfo(settings.SHOP_TIME_ZONE)) - timedelta(days=7)
    minute = then.replace(second=0, microsecond=0)
    return _Then(
        minute,
        _span(then.replace(hour=0, minute=0, second=0, microsecond=0), minute),
        # the chart goes on while this is kept, so its minutes reach a little further
        _span(minute - timedelta(minutes=MINUTES - 1), minute + timedelta(minutes=3)),
        bucket(now, "m") - bucket(then, "m"),
    )


def read_last_week(now: float) -> LastWeek:
    """Read it all. Raises RedisError."""
    minute, day, chart, shift = _then(now)
    window = _span(minute - timedelta(minutes=MINUTES - 1), minute + timedelta(minutes=1))
    found = _window(window) if window else LastWeek()
    if chart:
        found.minutes.update(_ghost(chart, shift=shift))
    visits = _span(minute - timedelta(milliseconds=VISIT_MS), minute)
    if visits and (visitors := visits.distinct("visitors")[0]):
        found.numbers["visitors"] = visitors
    if day:
        found.numbers.update(_day(day))
    return found


def read_last_week_of(view: View, now: float) -> LastWeek:
    """What one filter would have shown of counters; people are not kept by value. Raises RedisError."""
    _, day, chart, shift = _then(now)
    recipe, found = RECIPES[view.by], LastWeek()
    clicks = recipe.seen_by(view)
    sold = [part for part in (recipe.orders, recipe.revenue) if part]
    if chart and (found_then := chart.each("events", *{part.fold for part in (*clicks, *sold)})):
        for at in range(chart.cover.start, chart.cover.end, 60):
            sums = found_then.get(at, {})
            found.minutes[str((at + shift) // 60)] = [
                sum(_of(view, part, sums) for part in clicks),
                _of(view, recipe.orders, sums) if recipe.orders else None,
            ]
    if day and sold:
        sums = day.sums("events", "orders", "revenue", *{part.fold for part in sold})
        if sums["events"] or sums["orders"]:
            found.numbers.update(_sold(view, recipe, sums))
    return found


def _of(view: View, part: Part, sums: Mapping[str, Mapping[str, int]]) -> int:
    return sums.get(part.fold, {}).get(part.field(view.value, settings.SHOP_CURRENCY), 0)


def _sold(view: View, recipe: Recipe, sums: Mapping[str, Mapping[str, int]]) -> Section:
    orders = _of(view, recipe.orders, sums) if recipe.orders else 0
    sales = _of(view, recipe.revenue, sums) if recipe.revenue else 0
    return _sales(orders, sales, sums["revenue"].keys(), is_averaged=recipe.average)


def _sales(orders: int, sales: int, currencies: Set[str], *, is_averaged: bool = True) -> Section:
    section: Section = {"orders": orders, "sales": sales}
    if is_averaged and orders and not currencies - {settings.SHOP_CURRENCY}:
        section["average"] = round(sales / orders)
    return section


def _span(start: datetime, end: datetime) -> Span | None:
    """The range, None where it is empty or is no longer kept as fine as asked for."""
    if start >= end:
        return None
    client = redis_client()
    keys, tps = live_partitions(client)
    chosen = cover(client, keys, tps, start, end)
    exact = (chosen.start, chosen.end) == (int(start.timestamp()), int(end.timestamp()))
    return Span(client, keys, chosen) if exact else None


def _window(span: Span) -> LastWeek:
    """The half hour; empty where nothing was recorded in it."""
    sums = span.sums("events", *TABS.values())
    if not sums["events"]:
        return LastWeek()
    funnel = dict(zip(STAGES, span.distinct(*(f"funnel.{stage}" for stage in STAGES)), strict=True))
    conversion = (
        {"conversion": round(funnel["purchase"] / funnel["view_item"], 4)} if funnel["view_item"] else {}
    )
    return LastWeek(numbers=dict(conversion), funnel=funnel, tabs=sums)


def _ghost(span: Span, *, shift: int) -> Section:
    """The minutes under their numbers of today; one in which nothing happened is 0; {} for none at all."""
    rows = list_minutes(span)[0] or []
    if not rows:
        return {}
    first, last = ((at + shift) // 60 for at in (span.cover.start, span.cover.end))
    ghost: Section = {str(minute): [0, 0] for minute in range(first, last)}
    for row in rows:
        at, events, orders = row["at"], row["events"], row["orders"]
        if isinstance(at, str) and isinstance(events, Mapping):
            key = str((int(datetime.fromisoformat(at).timestamp()) + shift) // 60)
            ghost[key] = [sum(events.values()), orders]
    return ghost


def _day(span: Span) -> Section:
    """Orders and sales from midnight on; {} where nothing was recorded."""
    sums = span.sums("events", "orders", "revenue")
    if not sums["events"] and not sums["orders"]:
        return {}
    orders, sales = sums["orders"].get("orders", 0), sums["revenue"].get(settings.SHOP_CURRENCY, 0)
    return _sales(orders, sales, sums["revenue"].keys())
