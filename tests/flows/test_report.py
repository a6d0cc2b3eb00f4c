"""The report over every cut of time, and what it says where buckets are no longer kept."""

import csv
import io
import json
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
import redis as redis_package
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards.keys import first_keys
from dashboards.reports.selectors import report, rfc3339
from tests.support.aggregates import click, log_of, numbered, paid, stock, writer_of

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
BEGIN = datetime(2011, 3, 1, 22, 50, tzinfo=UTC)
MOMENTS = [BEGIN + timedelta(seconds=seconds) for seconds in range(0, 3 * 86_400, 997)]


def fill(redis: Redis) -> None:
    """A click, and every third time an order, at each moment; over three midnights."""
    writer = writer_of(redis)
    clicks = [click(f"u{n % 50}", at=rfc3339(at)) for n, at in enumerate(MOMENTS)]
    log_of("clicks-0", clicks[::2]).fold(writer, [90])
    log_of("clicks-1", clicks[1::2]).fold(writer)
    numbered("orders-0", [paid(f"o{n}", "0.125", at=rfc3339(at)) for n, at in enumerate(MOMENTS[::3])]).fold(
        writer
    )


def test_every_cut_of_time_counts_each_moment_once(redis: Redis) -> None:
    fill(redis)

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers(-70, 4400), st.integers(1, 4400))
    def each_cut(first: int, length: int) -> None:
        start = BEGIN + timedelta(minutes=first)
        end = start + timedelta(minutes=length)
        found = report(redis, start, end)
        clicks = [at for at in MOMENTS if start <= at < end]
        orders = [at for at in MOMENTS[::3] if start <= at < end]
        assert found.events.get("view_item", 0) == len(clicks)
        assert found.orders == {"orders": len(orders), "lines": len(orders), "units": 2 * len(orders)}
        assert Decimal(found.revenue.get("GBP", 0)) == len(orders) * Decimal("0.125")
        assert (found.start, found.end, found.notes) == (start, end, [])
        if found.minutes is not None:
            assert sum(minute["events"].get("view_item", 0) for minute in found.minutes) == len(clicks)

    each_cut()


def test_random_cuts_join_without_a_seam(redis: Redis) -> None:
    fill(redis)
    dice = random.Random(7)
    cuts = sorted({BEGIN + timedelta(minutes=dice.randrange(1, 4200)) for _ in range(12)})

    spans = pairwise([BEGIN, *cuts, MOMENTS[-1] + timedelta(minutes=1)])

    parts = [report(redis, start, end).events.get("view_item", 0) for start, end in spans]
    assert sum(parts) == len(MOMENTS)


def test_bounds_finer_than_a_minute_are_widened_and_said_so(redis: Redis) -> None:
    fill(redis)

    found = report(redis, BEGIN + timedelta(seconds=1), BEGIN + timedelta(seconds=61))

    assert (found.start, found.end) == (BEGIN, BEGIN + timedelta(minutes=2))
    assert found.notes == ["the range is wider than asked for: finer buckets are not kept for its ends"]


def test_a_bound_whose_minutes_are_gone_is_widened_to_the_hour_and_the_day(
    redis: Redis, settings: LazySettings
) -> None:
    fill(redis)
    start, end = BEGIN + timedelta(minutes=25), BEGIN + timedelta(hours=30, minutes=25)
    for key in redis.scan_iter(match=f"{first_keys().prefix}*:h:*:index"):
        for minute in redis.hkeys(key):
            redis.hset(key, minute, "1000:0")  # first written long ago

    found = report(redis, start, end)
    hour = timedelta(hours=1)
    assert (found.start, found.end) == (
        datetime(2011, 3, 1, 23, tzinfo=UTC),
        datetime(2011, 3, 3, 6, tzinfo=UTC),
    )
    assert found.minutes == []
    assert "some minutes are missing in the list: they are no longer kept one by one" in found.notes

    for key in redis.scan_iter(match=f"{first_keys().prefix}*:d:*:index"):
        for each in redis.hkeys(key):
            redis.hset(key, each, "1000:0")
    found = report(redis, start, start + hour)
    assert (found.start, found.end) == (datetime(2011, 3, 1, tzinfo=UTC), datetime(2011, 3, 3, tzinfo=UTC))
    assert found.events["view_item"] == sum(at < found.end for at in MOMENTS)


def test_the_report_has_the_shape_that_others_rely_on(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = writer_of(redis)
    log_of(
        "clicks-0",
        [
            click("u1", "A", session_id="s1"),
            click("u1", "A", session_id="s1", type="add_to_cart"),
            click("u2", "B", session_id="s2"),
            click("u2", "B", session_id="s2"),
            click("robot", "B", bot=True),
        ],
    ).fold(writer)
    numbered(
        "orders-0",
        [
            paid(
                "1", "12.345", lines=[{"product_id": "A", "quantity": 3, "price": "4.115"}], session_id="s1"
            ),
            paid("2", "2", user_id="", lines=[{"product_id": "C", "quantity": 1}], currency="EUR"),
            paid(
                "C1",
                "4.115",
                type="order_refunded",
                status="refunded",
                lines=[{"product_id": "A", "quantity": 1}],
            ),
        ],
    ).fold(writer)
    log_of("inventory-0", [stock("A", 10, "x"), stock("A", -4, "y", reason="damaged")]).fold(writer)

    call_command("report", "--from", "2024-06-18", "--to", "2024-06-19T00:00:00Z", "--json")

    assert json.loads(capsys.readouterr().out) == {
        "from": "2024-06-18T00:00:00Z",
        "to": "2024-06-19T00:00:00Z",
        "events": {"add_to_cart": 1, "view_item": 3},
        "visitors": 2,
        "sessions": 2,
        "orders": 2,
        "lines": 2,
        "units": 4,
        "revenue": {"EUR": "2.00", "GBP": "12.345"},
        "refunds": {"orders": 1, "lines": 1, "units": 1, "amount": {"GBP": "4.115"}},
        "stock": {"damaged": {"events": 1, "change": -4}, "supplier": {"events": 1, "change": 10}},
        "products": [
            {"product_id": "B", "views": 2, "carts": 0, "units": 0, "revenue": {}},
            {"product_id": "A", "views": 1, "carts": 1, "units": 3, "revenue": {"GBP": "12.345"}},
            {"product_id": "C", "views": 0, "carts": 0, "units": 1, "revenue": {}},
        ],
        "funnel": {
            "view_item": 2, "add_to_cart": 1, "begin_checkout": 0, "add_payment_info": 0, "purchase": 1,
        },
        "minutes": [
            {
                "at": "2024-06-18T12:54:00Z",
                "events": {"add_to_cart": 1, "view_item": 3},
                "orders": 2,
                "revenue": {"EUR": "2.00", "GBP": "12.345"},
            }
        ],
        "bots": {"view_item": 1},
        "notes": [],
    }  # fmt: skip


def test_the_report_can_be_read_by_people(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    log_of("clicks-0", [click(product="MUG")]).fold(writer_of(redis))

    call_command("report", "--from", "2024-06-18", "--to", "2024-06-19", "--top", "1")

    text = capsys.readouterr().out
    assert "from 2024-06-18T00:00:00Z to 2024-06-19T00:00:00Z" in text
    assert ["MUG", "1", "0", "0"] in [line.split() for line in text.splitlines()]


def test_an_empty_range_reports_zeros(redis: Redis) -> None:
    found = report(redis, datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))

    assert (found.events, found.visitors, found.orders["orders"], found.minutes) == ({}, 0, 0, None)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--from", "yesterday", "--to", "2024-01-01"],
            "'yesterday': need a time such as 2024-06-18T12:34:56Z",
        ),
        (["--from", "2024-01-02", "--to", "2024-01-02"], "--from must be before --to"),
        (["--from", "2024-01-01", "--to", "2024-01-02", "--top", "-1"], "need a whole number from 1 on"),
        (["--from", "2024-01-01"], "--to"),
        (["--from", "0001-01-01T00:00:00+14:00", "--to", "2024-01-01"], "need a time such as"),
    ],
)
def test_a_wrong_argument_is_one_clear_sentence(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says.replace("(", r"\(")) as error:
        call_command("report", *arguments)
    assert error.value.returncode in (1, 2)


def test_a_range_without_redis_is_a_clear_error(settings: LazySettings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(CommandError, match="Redis does not answer"):
        call_command("report", "--from", "2024-01-01", "--to", "2024-01-02")


def test_a_recording_of_a_year_is_reported_in_few_reads(redis: Redis) -> None:
    moments = [datetime(2010, 12, 1, tzinfo=UTC) + timedelta(minutes=337 * n) for n in range(1500)]
    log = numbered("orders-0", [paid(f"o{n}", "1.001", at=rfc3339(at)) for n, at in enumerate(moments)])
    log.fold(writer_of(redis), [500])
    calls = redis.info("commandstats")["cmdstat_evalsha"]["calls"]

    found = report(redis, datetime(2010, 12, 1, 0, 30, tzinfo=UTC), datetime(2011, 12, 9, 13, tzinfo=UTC))

    expected = [at for at in moments if found.start <= at < found.end]
    assert found.orders["orders"] == len(expected) > 1500 - 120
    assert found.revenue == {"GBP": f"{1.001 * len(expected):.3f}"}
    assert redis.info("commandstats")["cmdstat_evalsha"]["calls"] - calls < 20


def test_a_report_is_rows_for_other_programs(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    log_of("clicks-0", [click(product="=A,1"), click(product="=A,1", type="add_to_cart")]).fold(
        writer_of(redis)
    )
    numbered("orders-0", [paid("1", "12.345")]).fold(writer_of(redis))
    day = ["--from", "2024-06-18", "--to", "2024-06-19"]

    call_command("report", *day, "--format", "csv")
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    call_command("report", *day, "--format", "jsonl")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert {"section": "products", "name": "'=A,1", "figure": "views", "value": "1"} in table
    assert {"section": "revenue", "name": "", "figure": "GBP", "value": "12.345"} in lines
    assert {"section": "total", "name": "", "figure": "orders", "value": 1} in lines
    assert {"section": "funnel", "name": "", "figure": "add_to_cart", "value": 1} in lines
    at = "2024-06-18T12:54:00Z"
    assert {"section": "minutes", "name": at, "figure": "events.view_item", "value": 1} in lines
    assert len(table) == len(lines)
