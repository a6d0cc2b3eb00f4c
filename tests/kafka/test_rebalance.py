"""Consumers and workers leave and join under load: nothing is doubled or lost, a key's order is kept."""

import json
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import Producer
from redis import Redis

from inventory.models import Movement
from orders.models import Order
from shopsite.events.models import InboxEvent, InboxState
from tests.support import until
from tests.support.crew import Crew, crew
from tests.support.laws import breaches
from tests.support.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
PRODUCTS = [f"P{number}" for number in range(8)]
WHEN = "2024-06-18T12:36:56Z"
PAUSE = 0.15  # seconds: 100 messages a second, so that what waits at the end is soon processed


class Load(threading.Thread):
    """A supplier who delivers one of each product, and an order of it paid elsewhere, over and over."""

    def __init__(self, kafka: Kafka) -> None:
        super().__init__(daemon=True)
        self.sent: Counter[str] = Counter()  # messages, by product
        self._kafka = kafka
        self._producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 0, "acks": "all"})
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(PAUSE):
            for sku in PRODUCTS:
                number = self.sent[sku]
                self._send(
                    "inventory", sku, {"product_id": sku, "quantity_change": 1, "event_id": f"{sku}-{number}"}
                )
                order = {"order_id": f"{sku}-{number}", "user_id": "u", "product_ids": [sku], "amount": 1}
                self._send("orders", sku, order | {"status": "paid"})
                self.sent[sku] += 1
        assert self._producer.flush(30) == 0

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()

    def _send(self, topic: str, key: str, message: dict[str, object]) -> None:
        self._producer.produce(self._kafka.topic(topic), json.dumps(message | {"timestamp": WHEN}), key)
        self._producer.poll(0)


@contextmanager
def load(kafka: Kafka) -> Iterator[Load]:
    thread = Load(kafka)
    thread.start()
    try:
        yield thread
    finally:
        thread.stop()


def replace(members: Crew, with_signal: signal.Signals, *names: str) -> None:
    """A consumer and a worker leave, others take over their work, they join again and work, too."""
    for name in names:
        members.leave(name, with_signal)
    goes_on()
    members.join(*names)
    goes_on()


def goes_on() -> None:
    """Returns when some more of what came meanwhile is processed."""
    now = InboxEvent.objects.count()
    until(lambda: InboxEvent.objects.filter(state=InboxState.DONE).count() > now + 50, within=60)


def test_whoever_leaves_and_joins_nothing_is_doubled_and_a_keys_order_is_kept(
    transactional_db: None, kafka: Kafka, redis: Redis
) -> None:
    with crew("consume 1", "consume 2", "worker 1", "worker 2", "beat") as members, load(kafka) as sender:
        goes_on()
        replace(members, signal.SIGTERM, "consume 1", "worker 1")
        replace(members, signal.SIGKILL, "consume 2", "worker 2")
        sender.stop()
        total = sender.sent.total()
        until(lambda: InboxEvent.objects.filter(state=InboxState.DONE).count() == 2 * total, within=90)

    assert Order.objects.count() == total
    assert set(Order.objects.values_list("pk", flat=True)) == {
        f"{sku}-{number}" for sku, count in sender.sent.items() for number in range(count)
    }
    assert deliveries() == {sku: list(range(count)) for sku, count in sender.sent.items()}
    assert offsets_in_the_order_of_their_effects() == offsets_in_order()
    assert breaches() == []


def deliveries() -> dict[str, list[int]]:
    """The numbers of each product's deliveries, in the order in which the ledger got them."""
    found = defaultdict(list)
    for event_id in Movement.objects.exclude(origin=None).order_by("pk").values_list("event_id", flat=True):
        sku, number = event_id.split("-")
        found[sku].append(int(number))
    return found


def offsets_in_the_order_of_their_effects() -> dict[str, list[str]]:
    """Where each product's deliveries stood in the log, in the order in which the ledger got them."""
    found = defaultdict(list)
    rows = Movement.objects.exclude(origin=None).order_by("pk")
    for sku, origin in rows.values_list("product_id", "origin"):
        found[sku].append(str(origin))
    return found


def offsets_in_order() -> dict[str, list[str]]:
    """Where each product's deliveries stand in the inbox, in the order of the log."""
    found = defaultdict(list)
    for row in InboxEvent.objects.filter(topic="inventory").order_by("partition", "offset"):
        found[row.key].append(f"inventory:{row.partition}:{row.offset}")
    return found
