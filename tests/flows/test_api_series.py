"""Figures by buckets of the shop's calendar, and beside another period, over HTTP."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlencode

import pytest
import redis as redis_package
from pytest_django.fixtures import Settings

from dashboards.folds import FOLDS
from dashboards.reports.selectors import rfc3339
from shopsite.api import keys, limits
from tests.support.aggregates import click, log_of, numbered, paid, writer_of
from tests.support.api import ask
from tests.support.history import move

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis


@pytest.fixture
def key(settings: Settings) -> str:
    settings.SHOP_TIME_ZONE = "Europe/Berlin"
    keys.forget()
    limits.forget()
    return keys.create("reader", scopes=["figures"])


def over(start: str, end: str, **more: object) -> str:
    return urlencode({"from": f"{start}:00Z", "to": f"{end}:00Z", **more})


def every(minutes: int, start: str, count: int) -> list[datetime]:
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC)
    return [begin + timedelta(minutes=minutes * n) for n in range(count)]


def fill(redis: Redis, moments: list[datetime], **more: object) -> None:
    clicks = [click(f"u{n % 7}", f"p{n % 3}", at=rfc3339(at), **more) for n, at in enumerate(moments)]
    log_of("clicks-0", clicks).fold(writer_of(redis), [20])


def test_a_statistic_by_days_of_the_shop_counts_each_moment_once_when_clocks_change(
    redis: Redis, key: str
) -> None:
    moments = every(61, "2024-03-29T23:00", 72)  # three days of Berlin, the second of 23 hours
    fill(redis, moments)
    numbered("orders-0", [paid("1", "12.345", at="2024-03-31T21:59:59Z")]).fold(writer_of(redis))
    days = [datetime(2024, 3, day, hour, tzinfo=UTC) for day, hour in ((29, 23), (30, 23), (31, 22))]
    days.append(days[-1] + timedelta(days=1))
    for _ in ("in Redis", "in the database"):
        page = ask("/series/events", key, query=over("2024-03-29T23:00", "2024-04-01T22:00", grain="day"))
        assert [(one["at"], one["to"]) for one in page.body["buckets"]] == [
            (rfc3339(low), rfc3339(high)) for low, high in pairwise(days)
        ]
        assert [one["numbers"].get("view_item", 0) for one in page.body["buckets"]] == [
            sum(low <= at < high for at in moments) for low, high in pairwise(days)
        ]
        assert (page.body["grain"], page.body["time_zone"], page.body["notes"]) == (
            "day",
            "Europe/Berlin",
            [],
        )
        money = ask("/series/revenue", key, query=over("2024-03-29T23:00", "2024-04-01T22:00", grain="day"))
        assert [one["numbers"] for one in money.body["buckets"]] == [{}, {"GBP": 12_345_000}, {}]
        people = ask("/series/visitors", key, query=over("2024-03-29T23:00", "2024-04-01T22:00", grain="day"))
        assert [one["numbers"] for one in people.body["buckets"]] == [{"visitors": 7}] * 3
        move(redis)


def test_parts_of_a_series_join_without_a_seam_in_every_form(redis: Redis, key: str) -> None:
    fill(redis, every(13, "2024-06-17T10:07", 60))
    bounds = {"grain": "hour", "compare": "previous"}
    whole = ask("/series/products", key, query=over("2024-06-17T10:07", "2024-06-17T21:30", **bounds)).body
    parts = list[object]()
    cursor: str | None = ""
    while cursor is not None:
        query = over("2024-06-17T10:07", "2024-06-17T21:30", **bounds, limit=5, cursor=cursor)
        page = ask("/series/products", key, query=query).body
        parts += page["buckets"]
        cursor = page["next"]
    assert parts == whole["buckets"]
    assert len(parts) == 12
    assert sum(sum(one["numbers"].values()) for one in whole["buckets"]) == 53

    rows, query = list[dict[str, str]](), over("2024-06-17T10:07", "2024-06-17T21:30", limit=5, format="csv")
    while query:
        seen = ask("/series/events", key, query=query + "&grain=hour")
        rows += csv.DictReader(io.StringIO(seen.body))
        query = seen.headers.get("link", "?").partition("?")[2].partition(">")[0].replace("&grain=hour", "")
    counted = [row for row in rows if row["figure"] == "numbers.view_item"]
    assert sum(int(row["value"]) for row in counted) == 53
    assert counted[1]["name"] == "2024-06-17T11:00:00Z"


def test_each_bucket_stands_beside_the_same_piece_of_the_other_period(redis: Redis, key: str) -> None:
    fill(redis, [*every(60, "2024-06-10T10:00", 3), *every(20, "2024-06-17T10:00", 9)], campaign="may")
    query = over("2024-06-17T10:00", "2024-06-17T14:00", grain="hour", compare="week")

    page = ask("/series/campaigns", key, query=query).body

    assert [one["numbers"] for one in page["buckets"]] == [{"may": 3}, {"may": 3}, {"may": 3}, {}]
    assert [one["before"] for one in page["buckets"]] == [{"may": 1}, {"may": 1}, {"may": 1}, {}]
    assert page["compare"] == {
        "period": "week",
        "from": "2024-06-10T10:00:00Z",
        "to": "2024-06-10T14:00:00Z",
    }
    only = ask("/series/products", key, query=f"{query}&only=v%7Cp1").body["buckets"]
    assert [one["numbers"] for one in only] == [{"v|p1": 1}] * 3 + [{"v|p1": 0}]


def test_any_statistic_and_the_report_are_compared(redis: Redis, key: str) -> None:
    fill(redis, [*every(60, "2024-06-10T10:00", 3), *every(20, "2024-06-17T10:00", 9)], campaign="may")
    query = over("2024-06-17T10:00", "2024-06-17T14:00", compare="week")
    for name in sorted({fold.name for fold in FOLDS} | {"delay"}):
        assert ask(f"/figures/{name}", key, query=query).status == 200, name
        assert ask(f"/series/{name}", key, query=query + "&grain=hour&limit=2").status == 200, name
    assert ask("/figures/campaigns", key, query=query).body["items"] == [
        {"name": "may", "number": 9, "before": 3}
    ]

    whole = ask("/figures", key, query=query + "&grain=hour").body
    lines = [
        json.loads(line)
        for line in ask("/figures", key, query=query + "&grain=hour&format=jsonl").body.splitlines()
    ]

    assert (whole["events"], whole["compare"]["events"]) == ({"view_item": 9}, {"view_item": 3})
    assert [sum(one["events"].values()) for one in whole["series"]["buckets"]] == [3, 3, 3, 0]
    hour = {"section": "series.buckets", "name": "2024-06-17T10:00:00Z", "figure": "events.view_item"}
    assert {**hour, "value": 3} in lines
    views = {"section": "compare.products", "name": "p1", "figure": "views", "value": 1}
    assert views in lines
    assert all(not isinstance(line["value"], list) for line in lines)


def test_an_hour_that_the_clocks_skipped_is_an_empty_one(redis: Redis, key: str) -> None:
    fill(redis, every(10, "2024-03-31T00:00", 12))  # 02:00 to 03:00 of Berlin's 31 March never was
    query = over("2024-04-06T23:50", "2024-04-07T01:20", grain="minute", compare="week", limit=200)
    page = ask("/series/events", key, query=query).body
    assert sum(sum(one["before"].values()) for one in page["buckets"]) == 3
    skipped = over("2024-04-07T00:30", "2024-04-07T01:00", compare="week")
    assert ask("/figures/events", key, query=skipped).body["items"] == []
    found = ask("/figures", key, query=skipped).body
    assert found["notes"] == ["nothing to compare with: the clocks skipped that hour"]


@pytest.mark.parametrize(
    ("path", "query", "status", "says"),
    [
        ("/series/events", over("2024-01-02T00:00", "2024-01-01T00:00"), 400, "from"),
        ("/series/events", urlencode({"from": "2024-01-01T00:00:00", "to": "2024-01-02"}), 400, "from"),
        ("/series/events", over("0001-01-01T00:00", "2024-01-01T00:00"), 400, "from"),
        ("/figures", over("2024-01-01T00:00", "9999-12-31T23:00"), 400, "to"),
        ("/series/events", over("2024-01-01T00:00", "2024-01-02T00:00", grain="second"), 400, "grain"),
        ("/series/events", over("2024-01-01T00:00", "2024-01-02T00:00", compare="ever"), 400, "compare"),
        ("/figures", over("2024-01-01T00:00", "2024-03-01T00:00", grain="minute"), 400, "grain"),
        ("/series/events", over("2024-01-01T00:00", "2024-01-02T00:00", cursor="MA"), 400, "cursor"),
        ("/series/moon", over("2024-01-01T00:00", "2024-01-02T00:00"), 404, ""),
    ],
)
def test_a_range_that_is_wrong_is_a_problem_that_names_the_parameter(
    redis: Redis, key: str, path: str, query: str, status: int, says: str
) -> None:
    seen = ask(path, key, query=query)
    assert (seen.status, seen.headers["content-type"]) == (status, "application/problem+json")
    assert [error["parameter"] for error in seen.body.get("errors", [])] == ([says] if says else [])
