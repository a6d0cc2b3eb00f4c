"""Whatever dies, is lost or comes back: every count equals the log's. Real Kafka, Redis and processes."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import redis as redis_package
from kafka import TopicPartition
from pytest_django.fixtures import Settings

from dashboards.counting.aggregate import Aggregator
from dashboards.counting.store import read_position
from dashboards.keys import first_keys
from dashboards.proof.audit import audit_aggregates
from dashboards.reports.selectors import read_gaps, report
from shopsite.events.kafka import close_shared_producer, make_admin
from shopsite.events.redis import redis_client
from shopsite.runtime.redis import prepare_redis
from shopsite.runtime.service import Service
from tests.support import child_env, until
from tests.support.aggregates import NOW, click
from tests.support.proxy import losing_answers
from tests.support.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.django_db, pytest.mark.slow]
Redis = redis_package.Redis
DAY = (NOW.replace(hour=0), NOW.replace(hour=23))
KILLS = int(os.environ.get("KILLS", "2"))  # by hand: 20
PEOPLE = 97


def send(kafka: Kafka, count: int, first: int = 0) -> None:
    users = [f"u{n % PEOPLE}" for n in range(first, first + count)]
    kafka.send_many("clicks", [(user, json.dumps(click(user, f"p{n % 7}"))) for n, user in enumerate(users)])


def views(redis: Redis) -> int:
    return report(redis, *DAY).events.get("view_item", 0)


def assert_counted(redis: Redis, count: int) -> None:
    """All of it, and nothing twice: events, products, and people."""
    until(lambda: views(redis) >= count, within=90)
    found = report(redis, *DAY, 20)
    assert found.events == {"view_item": count}
    assert sum(row.views for row in found.products) == count
    assert abs(found.visitors - min(PEOPLE, count)) <= 2
    offsets = [read_position(redis, first_keys(), f"clicks-{number}").offset or 0 for number in range(2)]
    assert sum(offsets) == count


@contextmanager
def aggregating() -> Iterator[Aggregator]:
    """An aggregator in a thread until the block ends."""
    aggregator, stop = Aggregator(), threading.Event()
    thread = threading.Thread(target=aggregator.run, args=[stop])
    thread.start()
    try:
        yield aggregator
    finally:
        stop.set()
        thread.join(20)
        close_shared_producer()


@contextmanager
def process() -> Iterator["subprocess.Popen[bytes]"]:
    """An aggregator of its own, killed at the end."""
    child = subprocess.Popen([sys.executable, "manage.py", "aggregate"], env=child_env(LOG_LEVEL="ERROR"))
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def test_an_aggregator_killed_again_and_again_in_mid_batch_counts_exactly(kafka: Kafka, redis: Redis) -> None:
    each = 20_000
    for turn in range(KILLS):
        send(kafka, each, first=turn * each)  # anew: a fast process may have counted all that was there
        before = views(redis)
        with process():  # it dies as soon as something was applied: in the middle of what follows
            until(lambda before=before: views(redis) > before, within=60)  # type: ignore[misc]
    with aggregating():
        assert_counted(redis, each * KILLS)


def test_an_owner_that_was_frozen_and_replaced_counts_nothing_on_waking(kafka: Kafka, redis: Redis) -> None:
    send(kafka, 10_000)
    with process() as sleeper:
        until(lambda: views(redis) > 0, within=60)
        sleeper.send_signal(signal.SIGSTOP)
        with aggregating() as heir:
            until(lambda: len(heir._parts) == 6, within=60)  # its session has run out
            send(kafka, 300, first=10_000)
            assert_counted(redis, 10_300)
            sleeper.send_signal(signal.SIGCONT)  # it still believes that all partitions are its own
            until(lambda: len(heir._parts) < 6, within=60)
            send(kafka, 300, first=10_300)
            assert_counted(redis, 10_600)


def test_answers_of_redis_that_are_lost_make_nothing_count_twice(
    kafka: Kafka, redis: Redis, settings: Settings
) -> None:
    with losing_answers(str(settings.REDIS_URL), every=3) as proxy:
        settings.REDIS_URL = proxy.url
        with aggregating():
            for turn in range(12):
                send(kafka, 100, first=turn * 100)
                until(lambda turn=turn: views(redis) >= 100 * turn + 100, within=60)  # type: ignore[misc]
            assert_counted(redis, 1200)
        redis_client().close()
    assert proxy.cut >= 3


def test_three_aggregators_that_come_and_go_under_load_count_exactly(kafka: Kafka, redis: Redis) -> None:
    with ExitStack() as first, ExitStack() as second:
        sent = 0
        for stack, leaves in ((first, None), (second, None), (second, first), (None, second), (first, None)):
            if stack is not None:
                stack.enter_context(aggregating())
            for _ in range(4):  # while the group is dividing the partitions anew
                send(kafka, 500, first=sent)
                sent += 500
            if leaves is not None:
                leaves.close()
        first.enter_context(aggregating())
        assert_counted(redis, sent)


def test_an_old_snapshot_that_is_restored_is_folded_on_from_where_it_was(
    kafka: Kafka, settings: Settings, tmp_path: Path
) -> None:
    embedded = prepare_redis(tmp_path / "redis", durable=False)
    server, snapshot = Service(embedded.program), tmp_path / "redis" / "dump.rdb"
    settings.REDIS_URL = embedded.url

    def start() -> Redis:
        server.start()
        server.wait_ready()
        return Redis.from_url(embedded.url)

    try:
        redis = start()
        with aggregating():
            send(kafka, 300)
            assert_counted(redis, 300)
            redis.save()
            shutil.copy(snapshot, tmp_path / "old.rdb")
            send(kafka, 300, first=300)
            assert_counted(redis, 600)
            os.kill(server.pid or 0, signal.SIGKILL)
            until(lambda: not server.is_alive())
            server.bury()
            shutil.copy(tmp_path / "old.rdb", snapshot)
            redis = start()
            assert views(redis) == 300, "the figures are of yesterday, and their offsets too"
            send(kafka, 50, first=600)
            assert_counted(redis, 650)
            redis.flushall()
            send(kafka, 50, first=650)
            assert_counted(redis, 700)
    finally:
        server.stop()


def test_a_head_of_the_log_that_is_deleted_under_it_is_a_gap_with_a_name(kafka: Kafka, redis: Redis) -> None:
    """Nobody reads while the log loses what was not folded: the rest is counted, and what is lost is told."""
    for _ in range(20):
        kafka.send("clicks", json.dumps(click()), partition=0)
    with aggregating():
        until(lambda: views(redis) == 20, within=60)
    for _ in range(20):
        kafka.send("clicks", json.dumps(click()), partition=0)
    admin = make_admin()
    admin.delete_records({TopicPartition(kafka.topic("clicks"), 0): 30})
    admin.close()

    with aggregating():
        until(lambda: views(redis) == 30, within=60)

    assert read_gaps(redis, first_keys(), "clicks-0") == [(20, 30)]
    assert report(redis, *DAY).notes == [
        "clicks-0: offsets 20 to 30 were gone from the log before they could be counted"
    ]
    assert any("offsets 20 to 30 were gone" in note for note in audit_aggregates(redis).notes)
