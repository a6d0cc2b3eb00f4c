"""The same figures a week ago, from what was folded then."""

from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_package

from dashboards.lastweek import LastWeek, read_last_week
from tests.support.live import happens

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
NOW = datetime.now(UTC).replace(second=30, microsecond=0)


def week_ago(minutes: float = 0) -> str:
    return (NOW - timedelta(days=7, minutes=minutes)).isoformat()


def test_a_shop_without_a_past_has_nothing_to_compare_with(redis: Redis) -> None:
    assert read_last_week(NOW.timestamp()) == LastWeek()


def test_last_weeks_minutes_stand_under_those_of_today(redis: Redis) -> None:
    for user in ("ada", "ben"):
        happens(redis, "clicks-0", {"user_id": user, "product_id": "MUG", "timestamp": week_ago(minutes=5)})
    found = read_last_week(NOW.timestamp())
    minute = int(NOW.timestamp()) // 60
    assert found.minutes[str(minute - 5)] == [2, 0]
    assert found.minutes[str(minute - 6)] == [0, 0]
    assert found.funnel["view_item"] == 2


def test_visitors_are_those_of_the_same_five_minutes(redis: Redis) -> None:
    happens(redis, "clicks-0", {"user_id": "ada", "product_id": "MUG", "timestamp": week_ago(minutes=2)})
    happens(redis, "clicks-0", {"user_id": "ben", "product_id": "MUG", "timestamp": week_ago(minutes=20)})
    assert read_last_week(NOW.timestamp()).numbers["visitors"] == 1


@pytest.mark.parametrize("away", [14, 1])
def test_other_days_are_not_last_week(redis: Redis, away: int) -> None:
    at = (NOW - timedelta(days=away, minutes=2)).isoformat()
    happens(redis, "clicks-0", {"user_id": "ada", "product_id": "MUG", "timestamp": at})
    assert "visitors" not in read_last_week(NOW.timestamp()).numbers
