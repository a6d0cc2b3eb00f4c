"""Days, weeks and months of the shop, and the periods that one is compared with. report -> here -> series.py.

Everything is reckoned by the shop's wall clock: its Monday noon stays noon when the clocks change, so a
day has 23, 24 or 25 hours.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import islice
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

    previous: as long, up to the start; one that begins at midnight goes back by the days that it touches, so
    today until noon stands beside yesterday until noon. week, year: the same time by the wall clock, a week
    or a year earlier; 29 February becomes the 28th.
    """
    moved = back(period, start, end)
    return moved(start), moved(end)


def back(period: Period, start: datetime, end: datetime) -> Callable[[datetime], datetime]:
    """How before() moves a moment of [start, end)."""
    if period == "week":
        return lambda moment: _utc(moment.astimezone(_zone()) - timedelta(days=7))
    if period == "year":
        return lambda moment: _utc(_year_before(moment.astimezone(_zone())))
    first, last = (moment.astimezone(_zone()) for moment in (start, end))
    if first.time() in (time.min, last.time()):
        begun = last.time() > first.time()  # the last day counts, too
        days = last.date() - first.date() + timedelta(days=begun)
        return lambda moment: _utc(moment.astimezone(_zone()) - days)
    return lambda moment: moment - (end - start)


def borders(grain: ReportGrain, start: datetime, end: datetime, most: int | None = None) -> list[int]:
    """Where the buckets of [start, end) begin and the last one ends, epoch seconds; the ends may be cut.

    most: of the first so many buckets.
    """
    begins = _begins(grain, start, end)  # the first of them is not after the start
    inner = [int(at.timestamp()) for at in islice(begins, None if most is None else most + 1)]
    low, high = int(start.timestamp()), int(end.timestamp())
    edges = [low, *sorted({at for at in inner if low < at < high}), high]
    return edges if most is None else edges[: most + 1]


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
