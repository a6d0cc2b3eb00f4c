"""Who opens a page of figures first waits no longer than the next."""

import logging
from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_package
from django.conf import LazySettings

from dashboards.reports.ahead import read_ahead
from dashboards.reports.period import read_period
from dashboards.reports.selectors import report, rfc3339
from tests.support.aggregates import click, log_of, writer_of
from tests.support.history import move, rows_read

pytestmark = pytest.mark.django_db
NOW = datetime(2024, 6, 14, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize("preset", ["yesterday", "7d", "30d", "month", "year"])
def test_the_rows_of_a_range_that_pages_offer_are_read_already(
    redis: redis_package.Redis, monkeypatch: pytest.MonkeyPatch, preset: str
) -> None:
    log_of("clicks-0", [click("u1", at=rfc3339(NOW - timedelta(days=1)))]).fold(writer_of(redis))
    move(redis)
    read = rows_read(monkeypatch)
    read_ahead(NOW)
    assert read
    read.clear()

    asked = read_period({"range": preset}, NOW)
    assert report(redis, asked.start, asked.end).events == {"view_item": 1}
    assert read == []


def test_without_redis_the_log_says_what_that_costs(
    settings: LazySettings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with caplog.at_level(logging.WARNING):
        read_ahead(NOW)
    assert "the first report takes longer" in caplog.text
