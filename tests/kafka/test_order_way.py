"""An order over HTTP, through every process, while a part of the machinery is away."""

import pytest
from redis import Redis

from orders.models import Mail, Order
from shopsite.events.models import InboxEvent
from tests.support import until
from tests.support.gateway import Bank
from tests.support.servers import Cluster, Kafka
from tests.support.shop import level, product, stock_is_sound
from tests.support.shopper import Shopper
from tests.support.site import processes, serving

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


def status(order_id: str) -> str:
    return Order.objects.values_list("status", flat=True).get(pk=order_id)


def paid_and_mailed(order_id: str) -> bool:
    sent = Mail.objects.filter(order_id=order_id, kind="confirmation", state=Mail.State.SENT)
    return status(order_id) == "paid" and sent.exists()


def test_an_order_taken_while_kafka_is_down_is_paid_once_when_it_is_back(
    transactional_db: None, own_cluster: Cluster, redis: Redis, bank: Bank
) -> None:
    product("MUG", stock=5)
    own_cluster.stop()
    with serving() as site, Shopper(site) as ada:
        ada.add("MUG", quantity=2)
        order_id = ada.check_out()
        assert status(order_id) == "placed"
        assert level("MUG") == (5, 2)

        own_cluster.start()
        with processes("relay", "consume", "worker", "beat"):
            until(lambda: paid_and_mailed(order_id), within=60)

    assert level("MUG") == (3, 0)
    assert stock_is_sound()
    assert bank.asked(order_id, "capture") == 1
    assert Mail.objects.filter(order_id=order_id).count() == 1


def test_an_order_is_finished_by_the_sweep_when_redis_lost_every_task(
    site: str, kafka: Kafka, redis: Redis
) -> None:
    product("MUG", stock=5)
    with Shopper(site) as ada, processes("relay", "consume") as running:
        ada.add("MUG")
        order_id = ada.check_out()
        until(lambda: InboxEvent.objects.filter(key=order_id).exists(), within=60)
        running["consume"].stop()  # it would wake a worker again for what comes later
    redis.flushall()

    with processes("worker", "beat"):
        until(lambda: paid_and_mailed(order_id), within=60)
    assert level("MUG") == (4, 0)
