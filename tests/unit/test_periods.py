"""Periods lie side by side, each made of whole smaller ones."""

from datetime import UTC, datetime

import pytest

from dashboards.past.periods import PARTS, WIDEST_FIRST, Period, end_of, start_of

DAY = 86_400
FIRST = int(datetime(1999, 1, 1, tzinfo=UTC).timestamp())
DAYS = range(FIRST, FIRST + 9 * 365 * DAY, DAY)


def date(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()


@pytest.mark.parametrize("period", WIDEST_FIRST)
def test_each_day_lies_in_one_period_and_the_next_begins_where_it_ends(period: Period) -> None:
    for day in DAYS:
        start = start_of(period, day)
        assert start <= day < end_of(period, start)
        assert start_of(period, day + DAY - 1) == start
        assert start_of(period, end_of(period, start)) == end_of(period, start)
        assert start_of(PARTS[period], start) == start, "it begins with one of its parts"


def test_periods_begin_where_people_expect_them_to() -> None:
    leap_day = int(datetime(2024, 2, 29, 13, tzinfo=UTC).timestamp())
    starts = {period: start_of(period, leap_day) for period in WIDEST_FIRST}
    assert {period: date(start) for period, start in starts.items()} == {
        "T": "2024-02-21",
        "M": "2024-02-01",
        "Q": "2024-01-01",
    }
    assert {period: date(end_of(period, start)) for period, start in starts.items()} == {
        "T": "2024-03-01",
        "M": "2024-03-01",
        "Q": "2024-04-01",
    }
