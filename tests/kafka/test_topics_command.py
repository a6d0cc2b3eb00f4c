"""`manage.py topics` says how the topics are."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings
from redis import Redis

from dashboards.counting.store import live_keys
from shopsite.events.models import StoredOffset
from tests.support.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.django_db]


def topics(*arguments: str) -> str:
    out = StringIO()
    call_command("topics", *arguments, stdout=out)
    return out.getvalue()


def test_it_shows_each_partition_and_how_far_each_reader_is(kafka: Kafka, redis: Redis) -> None:
    for number in range(5):
        kafka.send("inventory", f"m{number}", partition=1)
    StoredOffset.objects.create(group="consume", topic="inventory", partition=1, next_offset=3)
    keys = live_keys(redis)
    redis.sadd(keys.partitions, "inventory-1")
    redis.set(keys.offset("inventory-1"), 4)
    found = json.loads(topics("--json"))
    assert found["missing"] == []
    (row,) = (row for row in found["partitions"] if (row["topic"], row["partition"]) == ("inventory", 1))
    assert (row["start"], row["end"], row["in_sync"], row["replicas"]) == (
        0,
        5,
        [row["leader"]],
        [row["leader"]],
    )
    assert row["lag"] == {"aggregate": 1, "consume": 2}
    table = topics().splitlines()
    assert table[0].split() == [
        "topic",
        "partition",
        "leader",
        "in",
        "sync",
        "start",
        "end",
        "lag",
        "aggregate",
        "lag",
        "consume",
    ]
    assert [line.split() for line in table if line.startswith("inventory ")][1][-2:] == ["1", "2"]


def test_without_redis_it_shows_the_rest(kafka: Kafka, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert "inventory.dlq" in topics()


def test_missing_topics_are_named_and_made(kafka: Kafka, redis: Redis, settings: Settings) -> None:
    settings.TOPIC_PREFIX += "more-"
    with pytest.raises(CommandError, match=r"topics missing: clicks, .*topics create") as failure:
        topics()
    assert failure.value.returncode == 1
    assert json.loads(topics("create", "--json"))["created"][:3] == ["clicks", "orders", "inventory"]
    assert topics("create") == "all topics are there\n"
    assert "clicks" in topics()


def test_tail_shows_the_last_messages_as_a_terminal_can_bear_them(kafka: Kafka) -> None:
    for value in ("one", "two", "thr\x1b[31mee"):
        kafka.send("orders", value, key="k", headers=[("seq", b"7")], partition=0)
    lines = topics("tail", "orders", "--lines", "2").splitlines()
    assert [line.split()[0] for line in lines] == ["orders:0:1", "orders:0:2"]
    assert lines[1].endswith("k thr\ufffd[31mee seq=7")
    assert [
        json.loads(line)["value"] for line in topics("tail", "orders", "-n", "1", "--json").splitlines()
    ] == ["thr\ufffd[31mee"]


def test_without_kafka_it_says_so() -> None:
    with pytest.raises(CommandError, match="does not answer") as failure:
        topics()
    assert failure.value.returncode == 1
