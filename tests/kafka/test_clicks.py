"""Clicks reach Kafka without anybody waiting for it, also when it is away."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from pytest_django.fixtures import Settings

from shopsite.events import clicks
from shopsite.events.schemas import Click
from shopsite.events.spool import SEGMENT_BYTES
from tests.support import until
from tests.support.servers import Cluster, Kafka

pytestmark = pytest.mark.kafka


def click(number: int, path: str | None = None) -> Click:
    return Click(
        user_id="u", product_id=f"p{number}", timestamp=datetime.now(UTC), event_id=f"e{number}", path=path
    )


def ids(kafka: Kafka) -> list[str]:
    values = [message.value() for message in kafka.read("clicks")]
    return [msgspec.json.decode(value)["event_id"] for value in values if value is not None]


@pytest.fixture(autouse=True)
def _own_spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(clicks, "LOCAL_DIR", tmp_path)
    yield
    clicks.close()


def test_clicks_arrive_in_order(kafka: Kafka) -> None:
    for number in range(100):
        clicks.emit(click(number))
    assert clicks.flush(10)
    assert ids(kafka) == [f"e{number}" for number in range(100)]
    assert not list(clicks.spool_folder().glob("*"))


def test_emit_takes_less_than_50_microseconds(kafka: Kafka) -> None:
    clicks.emit(click(0))
    assert clicks.flush(10)
    one, times = click(1), []
    for _ in range(2000):
        before = time.perf_counter_ns()
        clicks.emit(one)
        times.append(time.perf_counter_ns() - before)
    assert sorted(times)[len(times) // 2] < 50_000
    assert clicks.flush(10)


def test_clicks_made_while_kafka_is_away_arrive_when_it_is_back(
    own_cluster: Cluster, settings: Settings
) -> None:
    kafka = Kafka(own_cluster.bootstrap, settings.TOPIC_PREFIX)
    clicks.emit(click(0))
    assert clicks.flush(10)
    own_cluster.stop()
    for number in range(1, 50):
        clicks.emit(click(number))
    until(lambda: clicks.stats()["clicks_in_flight"] > 0)
    for number in range(50, 100):  # the first ones wait in the producer, what comes later on disk
        clicks.emit(click(number))
        until(lambda: clicks.stats()["clicks_buffered"] == 0)
    until(lambda: _emit_until_spooled(100) > 0)
    own_cluster.start()
    until(
        lambda: clicks.stats()["clicks_spool_bytes"] == 0 and clicks.stats()["clicks_in_flight"] == 0,
        within=30,
    )
    assert ids(kafka)[:100] == [f"e{number}" for number in range(100)]


def _emit_until_spooled(number: int) -> int:
    clicks.emit(click(number))
    return clicks.stats()["clicks_spooled"]


def test_clicks_of_a_process_that_never_saw_kafka_are_sent_by_the_next(
    kafka: Kafka, settings: Settings
) -> None:
    there, settings.KAFKA_BOOTSTRAP_SERVERS = settings.KAFKA_BOOTSTRAP_SERVERS, ["127.0.0.1:1"]
    for number in range(10):
        clicks.emit(click(number))
    clicks.close()
    settings.KAFKA_BOOTSTRAP_SERVERS = there
    clicks.emit(click(10))
    until(lambda: len(ids(kafka)) == 11)
    assert ids(kafka) == [f"e{number}" for number in range(11)]


def test_past_the_bound_the_oldest_are_dropped_and_counted(settings: Settings) -> None:
    settings.CLICK_SPOOL_MEGABYTES = 1
    text = "x" * 2000
    for number in range(1000):
        clicks.emit(click(number, path=text))
    assert clicks.flush(10)
    stats = clicks.stats()
    assert stats["clicks_spool_bytes"] <= 1_000_000
    clicks.close()
    kept = sorted(clicks.spool_folder().glob("*.jsonl"))
    lines = b"".join(path.read_bytes() for path in kept).splitlines()
    assert b'"e999"' in lines[-1]
    assert len(lines) + stats["clicks_dropped"] == 1000
    assert stats["clicks_dropped"] >= SEGMENT_BYTES // 2200


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_sends_its_own_clicks(kafka: Kafka) -> None:
    clicks.emit(click(0))
    assert clicks.flush(10)
    child = os.fork()
    if child == 0:
        clicks.emit(click(1))
        sent = clicks.flush(10)
        clicks.close()
        os._exit(0 if sent else 1)
    assert os.waitpid(child, 0)[1] == 0
    clicks.emit(click(2))
    assert clicks.flush(10)
    assert sorted(ids(kafka)) == ["e0", "e1", "e2"]


def test_what_a_browser_sent_too_long_is_cut(kafka: Kafka) -> None:
    clicks.emit(click(0, path="/" + "a" * 5000))
    assert clicks.flush(10)
    (message,) = kafka.read("clicks")
    value = message.value()
    assert value is not None and len(msgspec.json.decode(value)["path"]) == 2048
