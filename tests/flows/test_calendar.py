"""Days, weeks and months of the shop's wall clock, and what a range is compared with."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import redis as redis_package
from django.conf import LazySettings
from django.core.management import call_command

from dashboards.reports.calendar import Period, ReportGrain, before, borders, grain_for
from dashboards.reports.selectors import report, rfc3339
from dashboards.reports.series import read_series
from tests.support.aggregates import click, log_of, writer_of
from tests.support.history import move

Redis = redis_package.Redis
SPRING, AUTUMN = datetime(2024, 3, 31), datetime(2023, 10, 29)  # when Berlin's clocks change


@pytest.fixture(autouse=True)
def _berlin(settings: LazySettings) -> None:
    settings.SHOP_TIME_ZONE = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(grain: ReportGrain, start: str, end: str) -> list[float]:
    return [(high - low) / 3600 for low, high in pairwise(borders(grain, utc(start), utc(end)))]


def test_the_day_of_the_change_has_23_or_25_hours() -> None:
    assert hours("day", "2024-03-29T23:00", "2024-04-01T22:00") == [24, 23, 24]
    assert hours("day", "2023-10-27T22:00", "2023-10-30T23:00") == [24, 25, 24]
    assert sum(hours("hour", "2023-10-28T22:00", "2023-10-29T23:00")) == 25
    assert hours("week", "2024-03-24T23:00", "2024-04-07T22:00") == [167, 168]
    assert hours("month", "2024-02-29T23:00", "2024-04-30T22:00") == [31 * 24 - 1, 30 * 24]


def test_ends_within_a_bucket_cut_it() -> None:
    assert hours("day", "2024-05-01T10:00", "2024-05-02T12:00") == [12, 14]
    assert len(borders("minute", utc("2024-05-01T10:00"), utc("2024-05-01T11:00"))) == 61


@pytest.mark.parametrize(
    ("period", "start", "end", "expected"),
    [
        ("previous", "2024-05-01T10:00", "2024-05-01T12:00", ("2024-05-01T08:00", "2024-05-01T10:00")),
        ("previous", "2024-03-30T23:00", "2024-03-31T22:00", ("2024-03-29T23:00", "2024-03-30T23:00")),
        ("previous", "2024-05-01T22:00", "2024-05-02T10:12", ("2024-04-30T22:00", "2024-05-01T10:12")),
        ("previous", "2024-03-26T23:00", "2024-04-02T10:12", ("2024-03-19T23:00", "2024-03-26T11:12")),
        ("week", "2024-04-01T10:00", "2024-04-01T12:00", ("2024-03-25T11:00", "2024-03-25T13:00")),
        ("year", "2024-02-28T23:00", "2024-02-29T23:00", ("2023-02-27T23:00", "2023-02-28T23:00")),
        ("year", "2024-07-01T10:00", "2024-07-02T10:00", ("2023-07-01T10:00", "2023-07-02T10:00")),
    ],
)
def test_a_range_is_compared_by_the_wall_clock(
    period: Period, start: str, end: str, expected: tuple[str, str]
) -> None:
    assert before(period, utc(start), utc(end)) == (utc(expected[0]), utc(expected[1]))


@pytest.mark.parametrize(
    ("days", "grain"), [(0.2, "minute"), (1, "hour"), (30, "day"), (366, "week"), (1500, "month")]
)
def test_the_range_chooses_the_grain(days: float, grain: str) -> None:
    assert grain_for(utc("2024-01-01"), utc("2024-01-01") + timedelta(days=days)) == grain


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "grain"),
    [
        ("Europe/Berlin", "day"),
        ("Europe/Berlin", "hour"),
        ("Asia/Kolkata", "day"),
        ("America/St_Johns", "week"),
    ],
)
def test_buckets_of_the_shops_calendar_add_up_wherever_they_are(
    redis: Redis, settings: LazySettings, zone: str, grain: ReportGrain
) -> None:
    settings.SHOP_TIME_ZONE = zone
    start, end = utc("2024-03-29T22:30"), utc("2024-04-02T10:00")
    moments = [start + timedelta(minutes=97 * n) for n in range(55)]
    log_of("clicks-0", [click(f"u{n}", at=rfc3339(at)) for n, at in enumerate(moments)]).fold(
        writer_of(redis), [20]
    )
    for _ in ("in Redis", "in the database"):
        entries, notes = read_series(redis, grain, start, end)
        edges = borders(grain, start, end)
        expected = [
            sum(low <= at.timestamp() < high for at in moments if at < end) for low, high in pairwise(edges)
        ]
        assert [sum(entry["events"].values()) for entry in entries] == expected
        assert notes == []
        move(redis)


@pytest.mark.django_db
def test_the_report_compares_and_lists_buckets(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    log_of(
        "clicks-0",
        [
            click("u1", at="2024-06-10T12:00:00Z"),
            *(click(f"u{n}", at="2024-06-17T12:00:00Z") for n in range(3)),
        ],
    ).fold(writer_of(redis))
    bounds = ["--from", "2024-06-17T10:00Z", "--to", "2024-06-17T14:00Z", "--compare", "week"]

    call_command("report", *bounds, "--grain", "hour", "--json")
    found = json.loads(capsys.readouterr().out)
    assert (found["visitors"], found["compare"]["visitors"]) == (3, 1)
    assert found["compare"]["from"] == "2024-06-10T10:00:00Z"
    assert [sum(entry["events"].values()) for entry in found["series"]["buckets"]] == [0, 0, 3, 0]

    call_command("report", *bounds, "--grain", "auto")
    text = capsys.readouterr().out
    assert "by minute" in text
    assert ["visitors", "3", "1"] in [line.split() for line in text.splitlines()]
    assert report(redis, utc("2024-06-10"), utc("2024-06-18")).visitors == 3
