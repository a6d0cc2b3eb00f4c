"""Days, weeks and months of the shop, and the periods that one is compared with. report -> here -> series.py.

Everything is reckoned by the shop's wall clock: its Monday noon stays noon when the clocks change, so a
day has 23, 24 or 25 hours.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from django.conf import settings

ReportGrain = Literal["minute", "hour", "day", "week", "month"]
Period = Literal["previous", "week", "year"]
GRAINS: tuple[ReportGrain, ...] = ("minute", "hour", "day", "week", "month")
PERIODS: tuple[Period, ...] = ("previous", "week", "year")
_UP_TO: tuple[tuple[timedelta, ReportGrain], ...] = (
    (timedelta(hours=6), "minute"),
    (timedelta(days=4), "hour"),
    (timedelta(days=92), "day"),
    (timedelta(days=732), "week"),
)


def grain_for(start: datetime, end: datetime) -> ReportGrain:
    """The finest grain that does not make too many buckets of [start, end)."""
    return next((grain for longest, grain in _UP_TO if end - start <= longest), "month")


def before(period: Period, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The range that [start, end) is compared with, in UTC.

    previous: as long, up to the start; whole days of the shop give as many whole days. week, year: the same
    time by the wall clock, a week or a year earlier; 29 February becomes the 28th.
    """
    first, last = (moment.astimezone(_zone()) for moment in (start, end))
    if period == "week":
        return _utc(first - timedelta(days=7)), _utc(last - timedelta(days=7))
    if period == "year":
        return _utc(_year_before(first)), _utc(_year_before(last))
    if first.time() == last.time():
        return _utc(first - (last.date() - first.date())), _utc(first)
    return start - (end - start), start


def borders(grain: ReportGrain, start: datetime, end: datetime) -> list[int]:
    """Where the buckets of [start, end) begin and the last one ends, epoch seconds; the ends may be cut."""
    inner = [int(at.timestamp()) for at in _begins(grain, start, end)]
    low, high = int(start.timestamp()), int(end.timestamp())
    return [low, *sorted({at for at in inner if low < at < high}), high]


def _begins(grain: ReportGrain, start: datetime, end: datetime) -> Iterator[datetime]:
    at = start.astimezone(_zone()).replace(second=0, microsecond=0)
    if grain in ("minute", "hour"):  # these go on through a change of the clocks, so they step in UTC
        step = timedelta(minutes=1) if grain == "minute" else timedelta(hours=1)
        moment = _utc(at if grain == "minute" else at.replace(minute=0))
        while moment < end:
            yield moment
            moment += step
        return
    at = at.replace(hour=0, minute=0)
    if grain == "week":
        at -= timedelta(days=at.weekday())
    elif grain == "month":
        at = at.replace(day=1)
    while at < end:
        yield _utc(at)
        at = _next(grain, at)


def _next(grain: ReportGrain, at: datetime) -> datetime:
    if grain == "month":
        return (at + timedelta(days=32)).replace(day=1)
    return at + timedelta(days=7 if grain == "week" else 1)


def _year_before(at: datetime) -> datetime:
    day = 28 if (at.month, at.day) == (2, 29) else at.day
    return at.replace(year=at.year - 1, day=day)


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.SHOP_TIME_ZONE)
