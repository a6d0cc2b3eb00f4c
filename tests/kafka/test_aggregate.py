"""The aggregator on a real Kafka and Redis: every count equals the log's, whatever dies."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import cast

import pytest
from confluent_kafka import Message
from django.core.management import call_command
from kafka import TopicPartition
from redis import Redis

from dashboards.counting.aggregate import Aggregator
from dashboards.counting.deadletters import DeadClick
from dashboards.counting.plan import Batch
from dashboards.counting.store import Writer, live_generation, read_position
from dashboards.keys import bucket, first_keys
from dashboards.proof.rebuild import Busy, rebuild
from dashboards.reports.selectors import read_gaps, report
from shopsite.events.heartbeat import read_beats
from shopsite.events.kafka import close_shared_producer, make_admin
from shopsite.events.schemas import Unavailable
from tests.support import until
from tests.support.aggregates import NOW, click
from tests.support.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]
DAY = (NOW.replace(hour=0), NOW.replace(hour=23))


def send_clicks(kafka: Kafka, count: int, *, first: int = 0) -> None:
    users = [f"u{n % 97}" for n in range(first, first + count)]
    kafka.send_many("clicks", [(user, json.dumps(click(user, f"p{n % 7}"))) for n, user in enumerate(users)])


def views(redis: Redis) -> int:
    return report(redis, *DAY).events.get("view_item", 0)


@contextmanager
def aggregating() -> Iterator[Aggregator]:
    """An aggregator that runs in a thread until the block ends."""
    aggregator, stop = Aggregator(), threading.Event()
    thread = threading.Thread(target=aggregator.run, args=[stop])
    thread.start()
    try:
        yield aggregator
    finally:
        stop.set()
        thread.join(20)
        close_shared_producer()


def texts(message: Message) -> dict[str, str]:
    headers = cast("list[tuple[str, bytes]]", message.headers())
    return {name: value.decode() for name, value in headers}


def test_a_click_that_cannot_be_read_is_told_with_reason_and_origin(kafka: Kafka, redis: Redis) -> None:
    kafka.send_many("clicks", [("x", "[]"), ("x", json.dumps(click("x"))), ("x", '{"user_id": 1}')])
    with aggregating():
        until(lambda: views(redis) == 1, within=30)
        until(lambda: len(kafka.read("clicks.dlq")) == 2)

    headers = [texts(message) for message in kafka.read("clicks.dlq")]
    assert [set(header) for header in headers] == [{"reason", "origin"}] * 2
    assert {header["origin"].rsplit(":", 1)[1] for header in headers} == {"0", "2"}
    assert "wrong content" in headers[0]["reason"]
    assert [message.value() for message in kafka.read("clicks.dlq")] == [b"[]", b'{"user_id": 1}']


def test_the_offset_stays_until_the_dead_letter_is_acknowledged(kafka: Kafka, redis: Redis) -> None:
    kafka.send("clicks", "broken", key="x", partition=0)
    refused: list[DeadClick] = []

    def bury(dead: Sequence[DeadClick]) -> None:
        refused.extend(dead)
        if len(refused) == 1:
            raise Unavailable("Kafka does not answer")

    aggregator = Aggregator(bury=bury)
    with pytest.raises(Unavailable):
        until(aggregator.step, within=30)
    assert read_position(redis, first_keys(), "clicks-0").offset is None

    aggregator.forget()
    until(lambda: aggregator.step() or read_position(redis, first_keys(), "clicks-0").offset)
    aggregator.close()
    assert read_position(redis, first_keys(), "clicks-0").offset == 1
    assert len(refused) == 2


def test_an_emptied_redis_is_filled_again_while_it_runs(kafka: Kafka, redis: Redis) -> None:
    send_clicks(kafka, 500)
    with aggregating():
        until(lambda: views(redis) == 500, within=30)
        redis.delete(*redis.scan_iter(match=f"{first_keys().prefix}*"))
        send_clicks(kafka, 200, first=500)  # every partition hears of something
        until(lambda: views(redis) == 700)


def test_two_aggregators_share_the_work_and_one_takes_over(kafka: Kafka, redis: Redis) -> None:
    with aggregating() as first:
        until(lambda: len(first._parts) == 6, within=30)
        with aggregating() as second:
            until(lambda: (len(first._parts), len(second._parts)) == (3, 3), within=30)
            send_clicks(kafka, 300)
            until(lambda: views(redis) == 300)
        send_clicks(kafka, 300)
        until(lambda: views(redis) == 600, within=30)


def test_a_stored_offset_beyond_the_log_stops_the_partition_and_a_rebuild_mends_it(
    kafka: Kafka, redis: Redis
) -> None:
    kafka.send("clicks", json.dumps(click()), partition=0)
    redis.set(first_keys().offset("clicks-0"), 50)
    kafka.send("clicks", json.dumps(click()), partition=1)

    with aggregating():
        until(lambda: views(redis) == 1, within=30)
        stopped = until(lambda: [beat["stopped"] for beat in read_beats() if beat.get("stopped")])
        assert stopped == [
            [
                "clicks-0 is folded up to offset 50, but its log ends at 1: was the topic made anew? "
                "`manage.py rebuild` counts from what is there"
            ]
        ]
        call_command("rebuild")
        until(lambda: views(redis) == 2)


def test_what_the_log_lost_before_it_was_folded_is_recorded(kafka: Kafka, redis: Redis) -> None:
    for _ in range(10):
        kafka.send("clicks", json.dumps(click()), partition=0)
    redis.set(first_keys().offset("clicks-0"), 3)
    admin = make_admin()
    admin.delete_records({TopicPartition(kafka.topic("clicks"), 0): 6})
    admin.close()

    with aggregating():
        until(lambda: views(redis) == 4, within=30)

    assert read_gaps(redis, first_keys(), "clicks-0") == [(3, 6)]
    assert report(redis, *DAY).notes == [
        "clicks-0: offsets 3 to 6 were gone from the log before they could be counted"
    ]


def test_a_rebuild_makes_the_figures_anew_while_they_run(kafka: Kafka, redis: Redis) -> None:
    send_clicks(kafka, 400)
    with aggregating():
        until(lambda: views(redis) == 400, within=30)
        for tp in ("clicks-0", "clicks-1"):
            hour = bucket(NOW, "h") - 3600
            redis.hincrby(first_keys().bucket(tp, "h", hour, "events"), "view_item", 1000)
        assert views(redis) == 400 + 2 * 1000

        call_command("rebuild")
        assert (live_generation(redis), views(redis)) == (1, 400)
        send_clicks(kafka, 100)
        until(lambda: views(redis) == 500)
    old = f"{first_keys().prefix}{{*"
    assert list(redis.scan_iter(match=old, count=1000)) == []


def test_only_one_rebuild_runs_and_a_stopped_one_changes_nothing(kafka: Kafka, redis: Redis) -> None:
    send_clicks(kafka, 10)
    stop = threading.Event()

    def interrupt(_partition: str, _reached: int, _end: int) -> None:
        with pytest.raises(Busy):
            rebuild(redis, threading.Event(), interrupt)
        stop.set()

    assert rebuild(redis, stop, interrupt) is None
    assert live_generation(redis) == 0


def test_a_batch_folded_while_the_one_before_is_refused_is_dropped_and_comes_again(
    kafka: Kafka, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another owner of the partition adds the third first; the fourth is folded before that is known."""
    monkeypatch.setattr("dashboards.counting.aggregate.MAX_RECORDS", 10)
    monkeypatch.setattr("dashboards.counting.aggregate.LAGGING", 1)  # so that one is always on its way
    broken = json.dumps(click(at="yesterday"))
    values = [broken if n == 35 else json.dumps(click(f"u{n}")) for n in range(100)]
    kafka.send_many("clicks", [("x", value) for value in values], partition=0)
    added: list[int] = []

    def apply(batch: Batch) -> bool:
        if batch.first == 20 and 20 not in added:
            assert Writer(redis, first_keys()).apply(batch)
        added.append(batch.first)
        return Writer.apply(own, batch)

    buried: list[int] = []
    aggregator = Aggregator(bury=lambda dead: buried.extend(one.record.offset for one in dead))
    own = aggregator._writer
    monkeypatch.setattr(own, "apply", apply)
    until(lambda: aggregator.step() == 0 and views(redis) == 99, within=30)
    aggregator.close()

    assert added == list(range(0, 100, 10)), "the fourth was not added upon a third that was refused"
    assert (aggregator._dropped, buried) == (20, [35])
    assert report(redis, *DAY).visitors == pytest.approx(99, abs=2)
