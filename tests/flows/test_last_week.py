"""The same figures a week ago, from what was folded then."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import redis as redis_package
from django.conf import settings

from dashboards.screen.filters import View
from dashboards.screen.lastweek import LastWeek, read_last_week, read_last_week_of
from tests.support.live import happens

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
ZONE = ZoneInfo(settings.SHOP_TIME_ZONE)
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


def test_a_filter_has_the_week_before_of_its_own_value(redis: Redis) -> None:
    at = {"timestamp": week_ago(minutes=5), "product_id": "MUG"}
    happens(
        redis, "clicks-0", {"user_id": "ada", "country": "DE", **at}, {"user_id": "b", "country": "AT", **at}
    )
    paid = {
        "type": "order_paid", "previous": "placed", "status": "paid", "currency": settings.SHOP_CURRENCY,
        "user_id": "ada", "lines": [{"product_id": "MUG", "quantity": 1, "price": "3"}],
    }  # fmt: skip
    german = {"order_id": "1", "event_id": "1", "amount": "8", "country": "DE", **paid}
    austrian = {"order_id": "2", "event_id": "2", "amount": "9", "country": "AT", **paid}
    midnight = datetime.fromisoformat(week_ago()).astimezone(ZONE).replace(hour=0, minute=0, second=0)
    for order in (german, austrian):
        happens(redis, "orders-0", order | {"timestamp": week_ago(minutes=5)})
    week = read_last_week_of(View("country", "DE"), NOW.timestamp())
    minute = str(int(NOW.timestamp()) // 60 - 5)
    assert week.minutes[minute] == [1, 1]
    assert read_last_week_of(View("category", "mugs"), NOW.timestamp()).minutes[minute] == [0, None]
    today = week_ago(minutes=5) >= midnight.astimezone(UTC).isoformat()
    assert week.numbers == ({"orders": 1, "sales": 8_000_000, "average": 8_000_000} if today else {})
    assert read_last_week_of(View("country", "DE"), NOW.timestamp() - 86_400) == LastWeek()
