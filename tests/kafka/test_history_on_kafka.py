"""Rebuild and audit with a history, on a real Kafka: what is in the database counts and is proved, too."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest
from django.core.management import call_command
from kafka import TopicPartition
from redis import Redis

from dashboards.counting.store import live_generation, live_keys
from dashboards.models import Rollup, Total
from dashboards.past.history import write_history
from dashboards.past.rollups import in_turn, pack
from dashboards.proof.audit import audit_aggregates
from dashboards.proof.findings import Findings
from dashboards.proof.rebuild import rebuild, renew_rows
from dashboards.reports.selectors import report
from shopsite.events.kafka import make_admin
from tests.kafka.test_aggregate import DAY, aggregating, send_clicks, views
from tests.support import child_env, until
from tests.support.aggregates import click
from tests.support.history import flush, move, settle
from tests.support.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]

HOUR = 1_718_712_000  # 2024-06-18T12:00:00Z


@pytest.fixture
def moved(kafka: Kafka, redis: Redis) -> None:
    """400 clicks that were folded, and have left Redis."""
    send_clicks(kafka, 400)
    with aggregating():
        until(lambda: views(redis) == 400, within=30)
    move(redis)
    assert not redis.zcard(live_keys(redis).days("clicks-0"))


def differing(found: Findings) -> set[str]:
    return {check.name for check in found.checks() if not check.ok}


def test_rows_of_the_history_are_proved_and_a_changed_one_is_named(
    moved: None, kafka: Kafka, redis: Redis
) -> None:
    sound = audit_aggregates(redis)
    assert (differing(sound), sound.events) == (set(), 400)
    assert {check.stored for check in sound.checks() if check.name == "clicks: view_item"} == {400}

    row = Rollup.objects.filter(fold="products", grain="h", tp="clicks-0").get()
    Rollup.objects.filter(pk=row.pk).update(data=pack({HOUR: {"v|p1": 1_000}}))

    assert {
        "products v|p1, hour 2024-06-18T12:00:00Z, clicks-0",
        "total of products, hours of 2024-06-18, against its rows",
    } <= differing(audit_aggregates(redis))
    other_day = range(0, 86_400, 86_400)
    assert differing(audit_aggregates(redis, other_day)) == set()


def test_a_rebuild_renews_rows_and_what_nobody_ever_counted_is_gone(
    moved: None, kafka: Kafka, redis: Redis
) -> None:
    with in_turn():
        Rollup.objects.filter(fold="events", grain="h").update(data=pack({HOUR: {"view_item": 9}}))
        Total.objects.all().delete()
    assert views(redis) != 400
    with aggregating():
        call_command("rebuild")
        assert (views(redis), Rollup.objects.count()) == (400, 0)
        send_clicks(kafka, 50)
        until(lambda: views(redis) == 450)
    move(redis)
    assert (views(redis), differing(audit_aggregates(redis))) == (450, set())


def test_a_rebuild_keeps_what_is_older_than_the_log(moved: None, kafka: Kafka, redis: Redis) -> None:
    admin = make_admin()
    ends = {TopicPartition(kafka.topic("clicks"), n): -1 for n in (0, 1)}
    admin.delete_records(ends)
    admin.close()
    rebuild(redis, threading.Event(), lambda *_: None)
    with aggregating():
        send_clicks(kafka, 30)
        until(lambda: views(redis) == 430, within=30)
    found = audit_aggregates(redis)
    assert differing(found) == set()
    assert any("not provable, the log begins later" in note for note in found.notes)


def test_the_history_outlives_a_log_that_was_made_anew(moved: None, redis: Redis) -> None:
    flush(redis)
    renew_rows(redis, live_keys(redis), ["clicks-0", "clicks-1"])
    assert set(Rollup.objects.filter(next__gt=0)) == set(Rollup.objects.exclude(tp__startswith="clicks"))
    assert views(redis) == 400


def test_a_rebuild_that_is_killed_leaves_the_figures_and_the_next_one_makes_them(
    kafka: Kafka, redis: Redis
) -> None:
    send_clicks(kafka, 20_000)
    with aggregating():
        until(lambda: views(redis) == 20_000, within=60)
    child = subprocess.Popen([sys.executable, "manage.py", "rebuild"], env=child_env(LOG_LEVEL="ERROR"))
    begun = live_keys(redis).prefix + "g1:partitions"
    try:
        until(lambda: redis.exists(begun), within=60)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert (live_generation(redis), views(redis)) == (0, 20_000)

    redis.delete(f"{live_keys(redis).prefix}generation:lock")  # which would end by itself in a minute
    call_command("rebuild")
    assert (live_generation(redis), views(redis)) == (1, 20_000)


def test_an_audit_runs_while_buckets_are_written_and_moved(kafka: Kafka, redis: Redis) -> None:
    with aggregating():
        for turn in range(4):
            send_clicks(kafka, 200, first=200 * turn)
            settle(redis)
            kafka.send("clicks", json.dumps(click("late", "p1", at="2024-06-17T03:00:00Z")), key="late")
            assert differing(audit_aggregates(redis)) == set()
            move(redis)
            write_history(redis)
        until(lambda: report(redis, *DAY).events.get("view_item", 0) == 800, within=30)
    assert differing(audit_aggregates(redis)) == set()
