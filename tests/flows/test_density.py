"""The scrubber's day: orders in steps of ten minutes, as the aggregates have them."""

from datetime import UTC, datetime, timedelta

import pytest
import redis as redis_package
from django.contrib.auth.models import User
from django.test import Client

from dashboards.counting.store import read_hashes
from dashboards.past import spans
from dashboards.reports.density import STEPS, read_density
from dashboards.reports.selectors import rfc3339
from tests.flows.test_hub_socket import staff
from tests.support.aggregates import click, log_of, numbered, paid, writer_of
from tests.support.history import move

pytestmark = pytest.mark.django_db(transaction=True)
Redis = redis_package.Redis
NOON = datetime(2024, 6, 18, 12, 0, tzinfo=UTC)
AGO_MINUTES = [0, 5, 9, 11, 600, 1439, 1441]


@pytest.fixture
def orders(redis: Redis) -> None:
    moments = [NOON - timedelta(minutes=ago) for ago in AGO_MINUTES]
    events = [paid(f"o{n}", "1.00", at=rfc3339(at)) for n, at in enumerate(moments)]
    writer = writer_of(redis)
    numbered("orders-0", events).fold(writer)
    log_of("clicks-0", [click(at=rfc3339(NOON))]).fold(writer)


@pytest.mark.parametrize("where", ["in Redis", "in the database"])
def test_each_order_of_the_day_stands_in_its_step(orders: None, redis: Redis, where: str) -> None:
    if where == "in the database":
        move(redis)
    found = read_density(redis, int(NOON.timestamp()))
    assert found.start == int((NOON + timedelta(minutes=10) - timedelta(days=1)).timestamp())
    assert len(found.orders) == STEPS
    known = [n or 0 for n in found.orders]
    assert (known[-1], known[-2], known[-3], sum(known)) == (1, 2, 1, 5)


def test_orders_that_leave_redis_while_they_are_read_are_in_it(
    orders: None, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def moving(client: Redis, groups: list[list[str]]) -> list[list[dict[str, int]]]:
        monkeypatch.undo()
        move(redis)
        return read_hashes(client, groups)

    monkeypatch.setattr(spans, "read_hashes", moving)
    assert sum(n or 0 for n in read_density(redis, int(NOON.timestamp())).orders) == 5


def test_who_may_not_watch_is_not_told(redis: Redis) -> None:
    assert Client().get("/dashboard/density/").status_code == 302
    nobody = Client()
    nobody.force_login(User.objects.create_user("ada", is_staff=True))
    assert nobody.get("/dashboard/density/").status_code == 403
    assert len(staff().get("/dashboard/density/?at=nonsense").json()["orders"]) == STEPS
