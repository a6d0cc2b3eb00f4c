"""Redis and Kafka go away and come back under checkouts: the shop stays open, each order is paid once.

By hand for longer: SHOP_OUTAGE_SECONDS=60 pytest tests/kafka/test_outages.py.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest
from redis import Redis

from orders.models import Order
from tests.support import until
from tests.support.crew import Crew, crew
from tests.support.laws import LAWS_AT_REST, breaches
from tests.support.servers import Cluster, Kafka, RedisOfRun
from tests.support.shop import DECLINED, product
from tests.support.shoppers import Shoppers
from tests.support.site import serving

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
OUTAGE = float(os.environ.get("SHOP_OUTAGE_SECONDS", "4"))


class BusyShop(NamedTuple):
    """Who buys, and who works."""

    shoppers: Shoppers
    members: Crew


@contextmanager
def busy_shop() -> Iterator[BusyShop]:
    """Shoppers who buy while all processes run; at the end, whatever was accepted has come to its end."""
    skus = ["MUG", "TEE", "CAP"]
    for sku in skus:
        product(sku, 10_000)
    with crew("relay", "consume", "worker", "beat") as members:
        with serving() as site, Shoppers(site, skus, count=2) as shoppers:
            buy_on(shoppers)
            yield BusyShop(shoppers, members)
            buy_on(shoppers)
        until(lambda: not breaches(LAWS_AT_REST), within=120)
    stands = dict(Order.objects.values_list("pk", "status"))
    assert (
        stands
        | {
            order_id: "payment_failed" if card == DECLINED else "paid"
            for order_id, card in shoppers.accepted.items()
        }
        == stands
    )


def buy_on(shoppers: Shoppers, count: int = 5) -> None:
    """Returns when so many more orders are accepted."""
    before = len(shoppers.accepted)
    until(lambda: len(shoppers.accepted) >= before + count, within=60)


def work_goes_on(members: Crew) -> None:
    """Returns when the order that is the newest now is paid, or its card was declined."""
    newest = Order.objects.order_by("-placed_at").values_list("pk", flat=True)[0]

    def is_charged() -> bool:
        members.revive()
        return Order.objects.filter(pk=newest).exclude(status="placed").exists()

    until(is_charged, within=60)


def test_a_redis_that_is_emptied_and_restarted_under_load_stalls_no_worker(
    transactional_db: None, kafka: Kafka, own_redis: RedisOfRun
) -> None:
    with busy_shop() as (shoppers, members):
        Redis.from_url(own_redis.url).flushall()
        buy_on(shoppers)
        work_goes_on(members)
        own_redis.service.stop()
        buy_on(shoppers)  # nobody needs Redis to order
        own_redis.start()
        buy_on(shoppers)
        work_goes_on(members)  # by a worker that found its way back, or made room for another


def test_the_shop_stays_open_while_kafka_is_away_and_each_order_is_paid_once(
    transactional_db: None, own_cluster: Cluster, redis: Redis
) -> None:
    with busy_shop() as (shoppers, members):
        own_cluster.stop()
        back_at = time.monotonic() + OUTAGE
        buy_on(shoppers)
        until(lambda: time.monotonic() > back_at, within=OUTAGE + 1)
        buy_on(shoppers)
        own_cluster.start()
        work_goes_on(members)
