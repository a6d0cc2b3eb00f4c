"""The range that a question is about, and the one that it is compared with. figures.py, series.py -> here."""

from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from dashboards.reports.calendar import GRAINS, PERIODS, Period, ReportGrain
from shopsite.api.http import Problem, invalid

EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(3000, 1, 1, tzinfo=UTC)  # a year before or after is a moment, too, in every zone

From = Annotated[datetime, msgspec.Meta(tz=True, description="Inclusive.")]
To = Annotated[datetime, msgspec.Meta(tz=True, description="Exclusive.")]
Compare = Annotated[
    Period | None,
    msgspec.Meta(
        description=f"With which period, by the shop's wall clock: {', '.join(PERIODS)}; "
        "previous is as long, up to `from`, or as many days earlier where that is midnight."
    ),
]
GrainOf = Annotated[
    ReportGrain | None,
    msgspec.Meta(description=f"Buckets of the shop's calendar: {', '.join(GRAINS)}."),
]


class Compared(msgspec.Struct, frozen=True):
    """The period that is compared with."""

    period: Period
    from_: datetime = msgspec.field(name="from")
    to: datetime


def check_range(start: datetime, end: datetime) -> None:
    """Raises Problem for a range that can't be answered."""
    for name, moment in (("from", start), ("to", end)):
        if not EARLIEST <= moment <= LATEST:
            raise invalid(name, f"must lie between {EARLIEST:%Y} and {LATEST:%Y}")
    if start >= end:
        raise invalid("from", "must be before to")


def no_redis() -> Problem:
    """What is said while the aggregates can't be read."""
    return Problem(503, "The aggregates can't be read now. Try again.", headers={"retry-after": "5"})
