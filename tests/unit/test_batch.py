"""What a batch of records comes to, before anything is written."""

from datetime import UTC, datetime, timedelta

from dashboards.counting.batch import fold_delays, read
from shopsite.events.inbox import RECORDING_HEADER
from shopsite.events.schemas import Click, encode
from tests.support.aggregates import LogRecord

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def click(ago: timedelta, *, recorded: bool = False) -> LogRecord:
    event = Click(user_id="u", product_id="MUG", timestamp=NOW - ago)
    return LogRecord(0, encode(event), headers=[(RECORDING_HEADER, b"d:1:1")] if recorded else ())


def delays(*records: LogRecord) -> list[str]:
    found = fold_delays(read("clicks", 0, records, seq=0, now=NOW).told_at_once(), NOW)
    return [name for place, counts in found.counts.items() if place.grain == "d" for name in counts]


def test_the_age_of_a_recorded_click_is_not_our_delay() -> None:
    live, old = click(timedelta(milliseconds=7)), click(timedelta(minutes=4), recorded=True)
    assert delays(old, live) == ["8"]
    assert len(read("clicks", 0, [old, live], seq=0, now=NOW).events) == 2


def test_a_click_that_came_late_is_measured() -> None:
    assert delays(click(timedelta(seconds=4))) == ["5000"]
