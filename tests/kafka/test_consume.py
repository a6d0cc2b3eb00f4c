"""Messages reach the inbox once, whoever reads them, and bad ones the dead letters."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection
from pytest_django.fixtures import Settings

from shopsite.events import consume as consume_module
from shopsite.events.consume import Consumption, advance, stored_offset
from shopsite.events.deadletters import send_again
from shopsite.events.models import DeadLetter, InboxEvent, OutboxEvent, StoredOffset
from shopsite.events.relay import Relay
from shopsite.pipeline import ROUTES
from tests.support import until
from tests.support.servers import Cluster, Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]


def stock(product: str, change: int = 1) -> str:
    return json.dumps({"product_id": product, "quantity_change": change, "timestamp": "2024-06-18T12:36:56Z"})


@contextmanager
def consuming(woken: list[tuple[str, int]] | None = None) -> Iterator[Consumption]:
    """A consumer of this test's topics, stepped by hand."""
    told = woken if woken is not None else []
    consumption = Consumption(threading.Event(), ROUTES, lambda topic, number: told.append((topic, number)))
    try:
        yield consumption
    finally:
        consumption.close()


def read_until(consumption: Consumption, count: int, within: float = 15) -> None:
    """Step until the inbox has so many rows."""
    until(lambda: consumption.step() >= 0 and InboxEvent.objects.count() >= count, within=within)


def kept() -> list[str]:
    return sorted(InboxEvent.objects.values_list("key", flat=True))


def test_messages_are_kept_in_the_inbox_and_a_worker_is_woken(kafka: Kafka) -> None:
    kafka.send_many("inventory", [("MUG", stock("MUG")), ("CUP", stock("CUP"))])
    kafka.send(
        "orders",
        '{"order_id": 7, "user_id": 1, "product_ids": [1], "amount": 1, "timestamp": "2024-06-18T12:00:00Z"}',
    )
    woken: list[tuple[str, int]] = []
    with consuming(woken) as consumption:
        read_until(consumption, 3)
    assert kept() == ["7", "CUP", "MUG"]
    assert {topic for topic, _ in woken} == {"orders", "inventory"}
    row = InboxEvent.objects.get(key="MUG")
    assert row.event_id == f"inventory:{row.partition}:{row.offset}"


def test_a_second_reading_of_the_log_changes_nothing(kafka: Kafka) -> None:
    kafka.send("inventory", stock("MUG"), key="MUG")
    with consuming() as consumption:
        read_until(consumption, 1)
    before = InboxEvent.objects.get()
    kafka.send("inventory", stock("CUP"), key="CUP")
    with consuming() as consumption:
        read_until(consumption, 2)
    assert InboxEvent.objects.get(key="MUG").pk == before.pk
    assert kept() == ["CUP", "MUG"]


def test_what_is_not_for_us_is_skipped(kafka: Kafka) -> None:
    kafka.send("inventory", stock("OURS"), key="a", headers=[("seq", b"5")])
    kafka.send("orders", '{"type": "order_shipped", "order_id": "1"}', key="a")
    kafka.send("inventory", stock("THEIRS"), key="a")
    with consuming() as consumption:
        read_until(consumption, 1)
    assert kept() == ["THEIRS"]
    assert not OutboxEvent.objects.exists()


def test_how_far_it_is_read_is_stored_soon_where_nothing_had_to_be_kept(kafka: Kafka) -> None:
    """Not batch by batch: most messages are news of what we did ourselves."""
    kafka.send_many("inventory", [("a", stock("OURS"))] * 3, partition=0, headers=[("seq", b"5")])
    with consuming() as consumption:
        until(lambda: consumption.step() >= 0 and stored_offset("inventory", 0, begin=0) == 3)
        kafka.send_many("inventory", [("a", stock("OURS"))] * 2, partition=0, headers=[("seq", b"6")])
        kafka.send_many("inventory", [("a", stock("THEIRS"))], partition=0)
        read_until(consumption, 1)
        assert stored_offset("inventory", 0, begin=0) == 6  # in the transaction of what was kept
    assert kept() == ["THEIRS"]


def test_a_batch_whose_offset_somebody_else_moved_is_dropped_and_read_from_there(kafka: Kafka) -> None:
    with consuming() as consumption:
        until(lambda: consumption.step() >= 0 and StoredOffset.objects.count() == 7)
        kafka.send_many("inventory", [("MUG", stock(f"p{number}")) for number in range(3)], partition=0)
        assert advance("inventory", 0, 0, 2)  # another owner has p0 and p1
        read_until(consumption, 1)
    assert kept() == ["p2"]
    assert stored_offset("inventory", 0, begin=0) == 3
    assert not advance("inventory", 0, 2, 3)  # nor can anybody who still believes in 2 move it again


def test_two_consumers_share_the_partitions_and_keep_each_message_once(kafka: Kafka) -> None:
    stop = threading.Event()
    threads = [threading.Thread(target=_consume, args=(stop,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(20):
            kafka.send("inventory", stock(f"p{number:02}"), key=f"p{number}")
        until(lambda: InboxEvent.objects.count() == 20, within=30)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert kept() == [f"p{number:02}" for number in range(20)]


def _consume(stop: threading.Event) -> None:
    consume_module.run(stop, ROUTES, lambda _topic, _partition: None)
    connection.close()


def test_a_batch_that_the_database_refused_is_read_again(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka.send("inventory", stock("MUG"), key="MUG")
    with consuming() as consumption:
        with monkeypatch.context() as patch:
            patch.setattr(consume_module, "_keep", _refuse)
            with pytest.raises(DatabaseError):
                until(lambda: consumption.step() < 0)
        consumption.recover()
        read_until(consumption, 1)
    assert kept() == ["MUG"]


def _refuse(intake: object) -> None:
    raise DatabaseError("the disk is full")


def test_it_goes_on_when_kafka_is_back(own_cluster: Cluster, settings: Settings) -> None:
    kafka = Kafka(own_cluster.bootstrap, settings.TOPIC_PREFIX)
    stop = threading.Event()
    thread = threading.Thread(target=_consume, args=(stop,))
    thread.start()
    try:
        kafka.send("inventory", stock("MUG"), key="MUG")
        until(lambda: kept() == ["MUG"], within=15)
        own_cluster.stop()
        own_cluster.start()
        kafka.send("inventory", stock("CUP"), key="CUP")
        until(lambda: kept() == ["CUP", "MUG"], within=30)
    finally:
        stop.set()
        thread.join()


def test_a_stored_offset_beyond_the_log_stops_the_partition_and_says_what_to_do(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    StoredOffset.objects.create(group="consume", topic="inventory", partition=0, next_offset=99)
    kafka.send("inventory", stock("p0"), partition=0)
    kafka.send("inventory", stock("p1"), partition=1)
    with consuming() as consumption:
        read_until(consumption, 1)
        consumption.step()
    assert kept() == ["p1"]
    assert "stands still: offset 99 is stored, but the log ends at 1" in caplog.text


def test_a_bad_message_is_a_dead_letter_once_and_can_be_mended_and_sent_again(kafka: Kafka) -> None:
    kafka.send("inventory", stock("before"), partition=0)
    kafka.send("inventory", '{"product_id": "MUG"}', key="MUG", partition=0, headers=[("trace", b"t")])
    kafka.send("inventory", stock("after"), partition=0)
    relay = Relay(threading.Event())
    with consuming() as consumption:
        read_until(consumption, 2)
        until(lambda: relay.step() >= 0 and consumption.step() >= 0 and DeadLetter.objects.exists())
        letter = DeadLetter.objects.get()
        assert (str(letter), letter.key, bytes(letter.value or b"")) == (
            "inventory:0:1",
            "MUG",
            b'{"product_id": "MUG"}',
        )
        assert "quantity_change" in letter.reason
        assert letter.headers["trace"] == "t"
        for _ in range(2):  # twice by mistake
            send_again(letter, stock("MUG").encode())
        read_until_relayed(relay, consumption)
    relay.close()
    assert kept() == ["MUG", "MUG", "after", "before"]
    mended = InboxEvent.objects.filter(key="MUG")
    assert {row.event_id for row in mended} == {"inventory:0:1"}  # so the ledger takes it once
    assert len(kafka.read("inventory.dlq")) == 1


def read_until_relayed(relay: Relay, consumption: Consumption) -> None:
    until(lambda: relay.step() >= 0 and consumption.step() >= 0 and InboxEvent.objects.count() == 4)


def test_a_dead_letter_without_an_origin_stands_under_its_own_place(kafka: Kafka) -> None:
    kafka.send("orders.dlq", "by hand", key="k")
    with consuming() as consumption:
        until(lambda: consumption.step() >= 0 and DeadLetter.objects.exists())
    letter = DeadLetter.objects.get()
    assert (str(letter), letter.reason) == ("orders.dlq:0:0", "not told")
