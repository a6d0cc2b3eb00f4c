"""The same figures a week ago, once a minute. selectors.py -> here -> picture.py.

What was not recorded then, or is no longer kept so fine, is left out: the page writes a dash.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from dashboards.keys import bucket
from dashboards.ranges import cover
from dashboards.sections import TABS, Section
from dashboards.selectors import list_minutes
from dashboards.spans import Span
from dashboards.store import live_keys, partitions
from dashboards.window import MINUTES, STAGES, VISIT_MS
from shopsite.events.redis import redis_client


@dataclass(frozen=True)
class LastWeek:
    """What a week ago looked like at this time of day."""

    numbers: Section = field(default_factory=dict)  # as sections.numbers
    minutes: Section = field(default_factory=dict)  # minute of now -> [clicks, orders]
    funnel: Mapping[str, int] = field(default_factory=dict)
    tabs: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # by fold


def read_last_week(now: float) -> LastWeek:
    """Read it all. Raises RedisError."""
    # by the wall clock: a shop's Monday noon stays noon when the clocks change
    then = datetime.fromtimestamp(now, ZoneInfo(settings.SHOP_TIME_ZONE)) - timedelta(days=7)
    minute = then.replace(second=0, microsecond=0)
    window = _span(minute - timedelta(minutes=MINUTES - 1), minute + timedelta(minutes=1))
    day = _span(then.replace(hour=0, minute=0, second=0, microsecond=0), minute)
    # the chart goes on while this is kept, so its minutes reach a little further
    chart = _span(minute - timedelta(minutes=MINUTES - 1), minute + timedelta(minutes=3))
    found = _window(window) if window else LastWeek()
    if chart:
        found.minutes.update(_ghost(chart, shift=bucket(now, "m") - bucket(then, "m")))
    visits = _span(minute - timedelta(milliseconds=VISIT_MS), minute)
    if visits and (visitors := visits.distinct("visitors")[0]):
        found.numbers["visitors"] = visitors
    if day:
        found.numbers.update(_day(day))
    return found


def _span(start: datetime, end: datetime) -> Span | None:
    """The range, None where it is empty or is no longer kept as fine as asked for."""
    if start >= end:
        return None
    client = redis_client()
    keys = live_keys(client)
    chosen = cover(client, keys, partitions(client, keys), start, end)
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
    section: Section = {"orders": orders, "sales": sales}
    if orders and not sums["revenue"].keys() - {settings.SHOP_CURRENCY}:
        section["average"] = round(sales / orders)
    return section
