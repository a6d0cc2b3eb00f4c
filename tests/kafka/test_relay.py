"""The outbox reaches Kafka once, in order, whatever happens in between."""

import random
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from confluent_kafka import Message
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from shopsite.events import relay as relay_module
from shopsite.events.models import OutboxCounter, OutboxEvent
from shopsite.events.outbox import forward, publish, publish_many
from shopsite.events.relay import Relay
from shopsite.events.schemas import StockChanged, Unavailable
from tests.support import until
from tests.support.servers import Cluster, Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def stock(number: int, product: str = "MUG") -> StockChanged:
    return StockChanged(
        product_id=product, quantity_change=number, timestamp=datetime.now(UTC), event_id=f"e{number}"
    )


def publish_some(numbers: range, product: str = "MUG") -> None:
    with transaction.atomic():
        publish_many("inventory", [(product, stock(number, product)) for number in numbers])


def sequences(kafka: Kafka, topic: str = "inventory") -> list[int]:
    return [int(header_of(message, "seq")) for message in kafka.read(topic)]


def header_of(message: Message, name: str) -> str:
    headers = message.headers()
    assert isinstance(headers, list)
    value = dict(headers)[name]
    assert isinstance(value, bytes)
    return value.decode()


@pytest.fixture
def relay() -> Iterator[Relay]:
    relay = Relay(threading.Event())
    yield relay
    relay.close()


def test_rows_arrive_in_order_with_their_number_and_id(kafka: Kafka, relay: Relay) -> None:
    publish_some(range(1, 8))
    assert relay.step() == 7
    messages = kafka.read("inventory")
    assert [header_of(message, "event_id") for message in messages] == [f"e{n}" for n in range(1, 8)]
    assert sequences(kafka) == [1, 2, 3, 4, 5, 6, 7]
    assert relay.step() == 0
    last = OutboxEvent.objects.get(event_id="e7")
    assert last.published_at is not None
    assert (last.partition, last.offset) == (messages[-1].partition(), messages[-1].offset())


def test_what_a_transaction_takes_back_is_never_told(kafka: Kafka, relay: Relay) -> None:
    with transaction.atomic():
        publish("inventory", key="MUG", event=stock(1))
        transaction.set_rollback(True)
    assert relay.step() == 0
    assert kafka.read("inventory") == []


def test_a_crash_between_send_and_mark_sends_again_in_the_same_order_with_the_same_numbers(
    kafka: Kafka, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_some(range(1, 4))
    with monkeypatch.context() as patch:
        patch.setattr(relay_module, "mark_published", _crash)
        with pytest.raises(SystemError):
            relay.step()
    relay.close()
    publish_some(range(4, 6))
    second = Relay(threading.Event())
    assert until(second.step) == 5
    second.close()
    assert sequences(kafka) == [1, 2, 3, 1, 2, 3, 4, 5]


def _crash(done: object) -> None:
    raise SystemError("killed")


def test_a_second_relay_stands_by_until_the_first_is_gone(kafka: Kafka) -> None:
    publish_some(range(1, 3))
    first, second = _in_thread("first"), _in_thread("second")
    until(lambda: len(sequences(kafka)) == 2)
    assert first.relay.active != second.relay.active
    active, standing_by = (first, second) if first.relay.active else (second, first)
    active.end()
    publish_some(range(3, 5))
    until(lambda: len(sequences(kafka)) == 4)
    assert standing_by.relay.active
    standing_by.end()
    assert sequences(kafka) == [1, 2, 3, 4]


class _in_thread:
    """A relay in a thread, so on a database connection of its own."""

    def __init__(self, name: str) -> None:
        self.stop = threading.Event()
        self.relay = Relay(self.stop)
        self.thread = threading.Thread(target=self._run, name=name)
        self.thread.start()

    def _run(self) -> None:
        while not self.stop.is_set():
            if not self.relay.step():
                self.relay.idle()
        self.relay.close()
        connection.close()

    def end(self) -> None:
        self.stop.set()
        self.thread.join()


def test_a_message_that_kafka_refuses_for_good_stops_nobody(
    kafka: Kafka, relay: Relay, caplog: pytest.LogCaptureFixture
) -> None:
    publish_some(range(1, 2))
    forward("inventory", key="MUG", event_id="big", value=b"x" * 3_000_000, headers={})
    forward("inventory", key="MUG", event_id="broker-refuses", value=_random_bytes(1_500_000), headers={})
    publish_some(range(2, 4))
    until(lambda: relay.step() == 0 and not relay_module.unpublished().exists())
    assert sorted(
        OutboxEvent.objects.filter(refused_at__isnull=False).values_list("event_id", flat=True)
    ) == [
        "big",
        "broker-refuses",
    ]
    assert "can never be sent" in caplog.text and "event big" in caplog.text
    sent = [header_of(message, "event_id") for message in kafka.read("inventory")]
    assert sent == ["e1", "e2", "e3"]
    numbers = sequences(kafka)
    assert numbers == sorted(numbers)


def _random_bytes(count: int) -> bytes:
    """Bytes that no codec makes smaller."""
    return random.Random(1).randbytes(count)


def test_what_is_sent_for_others_carries_no_number(kafka: Kafka, relay: Relay) -> None:
    forward("inventory", key="MUG", event_id="inventory:0:7", value=b"{}", headers={"resent": "1"})
    relay.step()
    (message,) = kafka.read("inventory")
    assert dict(message.headers() or []) == {"event_id": b"inventory:0:7", "resent": b"1"}


def test_numbers_go_on_where_a_trimmed_outbox_ended(kafka: Kafka, relay: Relay) -> None:
    publish_some(range(1, 4))
    relay.step()
    OutboxEvent.objects.all().delete()
    publish_some(range(4, 5))
    relay.step()
    assert sequences(kafka) == [1, 2, 3, 4]
    assert OutboxCounter.objects.get().value == 4


def test_the_outbox_waits_while_kafka_is_down(
    own_cluster: Cluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "ACK_SECONDS", 1.0)
    kafka = Kafka(own_cluster.bootstrap, settings.TOPIC_PREFIX)
    relay = Relay(threading.Event())
    publish_some(range(1, 3))
    relay.step()
    own_cluster.stop()
    publish_some(range(3, 5))
    for _ in range(2):  # first the producer waits in vain, then none can be made
        with pytest.raises(Unavailable):
            relay.step()
        relay.recover()
    own_cluster.start()
    assert until(lambda: _try(relay), within=30)
    relay.close()
    assert sequences(kafka) == [1, 2, 3, 4]


def _try(relay: Relay) -> int:
    try:
        return relay.step()
    except Unavailable:
        relay.recover()
        return 0


def test_the_relay_goes_on_within_a_moment_of_a_commit(kafka: Kafka) -> None:
    one = _in_thread("relay")
    try:
        publish_some(range(1, 2))
        until(lambda: len(sequences(kafka)) == 1)
        publish_some(range(2, 3))
        until(_all_published, within=3)
    finally:
        one.end()


def _all_published() -> bool:
    return not OutboxEvent.objects.filter(published_at__isnull=True).exists()
