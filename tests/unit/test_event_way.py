"""The boxes of an event's way and the lags of topics, from what Kafka and heartbeats said."""

import re
from collections import deque
from typing import Any

import pytest

from dashboards.operations import lags
from dashboards.operations.lags import Look, Topics, read_topics
from dashboards.operations.way import Stores, Waiting, lanes
from shopsite.events.topic_status import PartitionStatus

STORES = Stores(Waiting(0, 0.0), Waiting(3, 75.0), redis="61 MB", redis_of="of 256 MB", delay=0.042)


def beat(name: str, **figures: object) -> dict[str, Any]:
    return {"name": name, "pid": 1, **figures}


def part(number: int, end: int, lag: int, topic: str = "orders", in_sync: int = 1) -> PartitionStatus:
    copies = list(range(1, in_sync + 1))
    return PartitionStatus(topic, number, 1, [1], copies, start=0, end=end, lag={"consume": lag})


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> list[Look]:
    """What Kafka says at each look, the next one first."""
    says: list[Look] = []
    monkeypatch.setattr(lags, "_looks", deque(maxlen=lags.LOOKS))
    monkeypatch.setattr(lags, "KEPT_S", -1.0)
    monkeypatch.setattr(lags, "_ask", lambda has_redis: says.pop(0))
    return says


def orders_of(topics: Topics) -> lags.Reader:
    (found,) = (reader for reader in topics.readers if reader.topic == "orders")
    return found


def test_a_topics_rate_is_of_the_last_minute_and_not_known_at_first(kafka: list[Look]) -> None:
    ends = ((0.0, 100), (50.0, 200), (100.0, 800))
    kafka += [Look(at, 1, [part(0, end, 0), part(1, end, 0)]) for at, end in ends]
    first, _, last = (orders_of(read_topics(has_redis=True)) for _ in range(3))
    assert (first.rate, first.in_a_second) == (None, "–")
    assert last.rate == 2 * (800 - 200) / 50
    assert last.end == 1600


def test_lags_are_drawn_as_a_line_from_the_oldest_look_to_the_last(kafka: list[Look]) -> None:
    kafka += [Look(float(at), 1, [part(0, 100, lag)]) for at, lag in enumerate((0, 40, 20))]
    shown = [orders_of(read_topics(has_redis=True)).spark for _ in range(3)]
    assert shown[0] == ""
    points = [tuple(map(float, point.split())) for point in re.split("[ML]", shown[2]) if point]
    assert points == [(0, 21), (50, 2), (100, 11.5)]


def test_one_partition_far_behind_is_named_and_all_of_them_are_not(kafka: list[Look]) -> None:
    far = lags.FAR_BEHIND + 1
    kafka += [Look(0.0, 1, [part(0, 5000, far), part(1, 5000, 0)]), Look(1.0, 1, [part(0, 5000, far)])]
    one, every = (orders_of(read_topics(has_redis=True)) for _ in range(2))
    assert [place.partition for place in one.behind] == [0]
    assert every.is_behind
    assert every.behind == []


def test_a_partition_with_too_few_copies_is_told(kafka: list[Look]) -> None:
    kafka.append(Look(0.0, 1, [part(0, 5, 0, in_sync=0)]))
    found = read_topics(has_redis=True)
    assert found.broken == ["Partition 0 of orders has 0 of 1 copies in step."]
    assert orders_of(found).places[0].copies == "0 of 1"


def test_the_boxes_add_up_what_several_processes_say() -> None:
    beats = [
        beat("web", viewers=30, loop_late_ms=2, rates={"requests": 5.0, "frames": 8.0}),
        beat("web", viewers=8, loop_late_ms=9, rates={"requests": 6.5, "frames": 10.0}),
        beat("aggregate", rates={"folded": 211.4}),
        beat("worker", running=1, rates={"tasks": 0.25}),
        beat("worker", running=2, rates={}),
        beat("relay", rates={"published": 0.0}),
        beat("consume", partitions=9, rates={"read": 1204.4}),
    ]
    clicks, orders = lanes(beats, [], STORES)
    told = {step.name: (step.figure, step.small, step.sick) for step in (*clicks.steps, *orders.steps)}
    assert told == {
        "Shop": ("12 requests/s", "9 ms late", False),
        "Topic clicks": ("–", "", False),
        "Aggregate": ("211 /s", "42 ms p95", False),
        "Redis": ("61 MB", "of 256 MB", False),
        "Hub": ("18 frames/s", "2 server processes", False),
        "Screens": ("38", "open now", False),
        "Outbox": ("0 waiting", "nothing is late", False),
        "Relay": ("0 /s", "to Kafka", False),
        "Topic orders": ("–", "", False),
        "Consume": ("1,204 /s", "9 partitions", False),
        "Inbox": ("3 waiting", "oldest 1 min", True),
        "Celery": ("0.2 /s", "3 running", False),
    }


def test_a_process_that_is_gone_makes_its_box_red_and_an_unknown_one_does_not() -> None:
    _, orders = lanes([beat("web")], [], STORES)
    assert {step.name for step in orders.steps if step.sick} == {"Relay", "Consume", "Celery", "Inbox"}
    clicks, _ = lanes([], [], STORES)  # Redis is away
    assert [step.name for step in clicks.steps if step.sick] == []
