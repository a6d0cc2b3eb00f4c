"""Spans of whole days that are added up together, in UTC. rollups.py, totals.py, joined.py -> here.

A third of a month begins on its 1st, 11th or 21st. So a year that begins and ends in the midst of a month is
read from some twenty totals, and the month that is still running from a dozen.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal, TypeGuard

from dashboards.keys import WIDTH

Period = Literal["T", "M", "Q"]  # third of a month, month, quarter
WIDEST_FIRST: tuple[Period, ...] = ("Q", "M", "T")
PARTS: Mapping[Period, Literal["d", "T", "M"]] = {"T": "d", "M": "T", "Q": "M"}  # what each is the sum of
_LONGEST: Mapping[Period, int] = {"T": 11, "M": 31, "Q": 92}  # days from its start: there, the next one runs


def is_period(grain: str) -> TypeGuard[Period]:
    """Whether a total's grain is one of these, and no bucket's."""
    return grain in PARTS


@lru_cache(maxsize=16_384)  # a range of years asks for each of its days
def start_of(period: Period | Literal["d"], day: int) -> int:
    """The start of the period that holds a moment, both in epoch seconds."""
    if period == "d":
        return day - day % WIDTH["d"]
    at = datetime.fromtimestamp(day, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period == "T":
        first = at.replace(day=(1, 11, 21)[min((at.day - 1) // 10, 2)])
    elif period == "M":
        first = at.replace(day=1)
    else:
        first = at.replace(day=1, month=at.month - (at.month - 1) % 3)
    return int(first.timestamp())


def end_of(period: Period, start: int) -> int:
    """The start of the next one."""
    return start_of(period, start + _LONGEST[period] * WIDTH["d"])
