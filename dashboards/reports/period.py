"""Which range of time an address asks for, in the shop's time zone. ?range=, ?from=&to= -> here -> pages."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from django.conf import settings

from dashboards.reports.calendar import GRAINS, PERIODS, Period, ReportGrain, grain_for

PRESETS: Final[Mapping[str, str]] = {
    "today": "Today",
    "yesterday": "Yesterday",
    "7d": "7 days",
    "30d": "30 days",
    "month": "This month",
    "year": "This year",
}
LONGEST: Final = timedelta(days=5 * 366)
WIDTHS: Final[Mapping[ReportGrain, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}
MOST_BUCKETS: Final[Mapping[ReportGrain, int]] = {
    "minute": 360,
    "hour": 170,  # a week
    "day": 62,  # two months
    "week": 106,  # two years
    "month": 62,
}


class BadRange(Exception):
    """There is no such range: its text is for the reader."""


class Asked(NamedTuple):
    """A range [start, end) in UTC, and how it is to be shown."""

    start: datetime
    end: datetime
    preset: str  # "": by its own bounds
    grain: ReportGrain
    compare: Period | None = None

    @property
    def grains(self) -> list[ReportGrain]:
        """Those that make more than one bucket of it, and not too many."""
        span = self.end - self.start
        return [
            grain
            for grain in GRAINS
            if (span > WIDTHS[grain] and span / WIDTHS[grain] <= MOST_BUCKETS[grain]) or grain == self.grain
        ]


def read_period(asked: Mapping[str, str], now: datetime, default: str = "today") -> Asked:
    """The range that {"range": "7d"} or {"from": "2026-11-01", "to": "2026-11-07"} asks for, until now.

    A day given as `to` is the last one of the range; a time is where the range ends. Raises BadRange.
    """
    if asked.get("from") or asked.get("to"):
        preset, (start, end) = "", _between(asked.get("from", ""), asked.get("to", ""), now)
    else:
        preset = asked.get("range") or default
        if preset not in PRESETS:
            raise BadRange(f"The range “{preset[:40]}” is none of {', '.join(PRESETS)}.")
        start, end = _preset(preset, now)
    return Asked(start, end, preset, _grain(asked.get("grain", ""), start, end), _compare(asked))


def _preset(name: str, now: datetime) -> tuple[datetime, datetime]:
    today = now.astimezone(_zone()).date()
    begin = {
        "today": today,
        "yesterday": today - timedelta(days=1),
        "7d": today - timedelta(days=6),
        "30d": today - timedelta(days=29),
        "month": today.replace(day=1),
        "year": today.replace(month=1, day=1),
    }[name]
    return _midnight(begin), _midnight(today) if name == "yesterday" else _after(now)


def _between(first: str, last: str, now: datetime) -> tuple[datetime, datetime]:
    start = _moment(first, "from")
    end = _moment(last, "to", ends=True) if last else _after(now)
    if start >= end:
        raise BadRange(f"The range is empty: {first} is not before {last or 'now'}.")
    if start >= now:
        raise BadRange(f"{first} lies ahead: nothing has happened then yet.")
    if end - start > LONGEST:
        raise BadRange("The range is longer than five years.")
    return start, min(end, _after(now))


def _moment(text: str, name: str, *, ends: bool = False) -> datetime:
    """The moment that a day or a time of the shop's wall clock stands for; the end of a day as an end."""
    if not text:
        raise BadRange(f"The range has no {name}.")
    try:
        if len(text) == len("2026-11-01"):
            day = date.fromisoformat(text)
            return _midnight(day + timedelta(days=1) if ends else day)
        at = datetime.fromisoformat(text)
        local = at if at.tzinfo else at.replace(tzinfo=_zone())
        return local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        words = "no day like 2026-11-01 and no time like 2026-11-01T09:00"
        raise BadRange(f"“{text[:40]}” in “{name}” is {words}.") from error


def _grain(asked: str, start: datetime, end: datetime) -> ReportGrain:
    chosen = grain_for(start, end)
    if not asked:
        return chosen
    grain = next((one for one in GRAINS if one == asked), None)
    if grain is None:
        raise BadRange(f"The grain “{asked[:40]}” is none of {', '.join(GRAINS)}.")
    if (end - start) / WIDTHS[grain] > MOST_BUCKETS[grain]:
        raise BadRange(f"By {grain} that range has more points than can be seen: take a coarser grain.")
    return grain


def _compare(asked: Mapping[str, str]) -> Period | None:
    name = asked.get("compare", "")
    found = next((period for period in PERIODS if period == name), None)
    if name and found is None:
        raise BadRange(f"A range is compared with {', '.join(PERIODS)}, not with “{name[:40]}”.")
    return found


def _after(now: datetime) -> datetime:
    """The end of the minute that runs."""
    return now.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, _zone()).astimezone(UTC)


def _zone() -> ZoneInfo:
    return ZoneInfo(settings.SHOP_TIME_ZONE)
