"""Waking a worker is a hint: it never fails or holds up what has just committed."""

import logging
import time
from collections.abc import Collection

import pytest
from celery import current_app
from pytest_django.fixtures import Settings
from redis import Redis

from shopsite import pipeline, tasks
from shopsite.events.drain import Drained
from shopsite.fulfilment import charging, pack_order, wake
from shopsite.fulfilment.asking import Question
from tests.support.shop import paid, product


@pytest.fixture
def nobody_answers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(wake, "_quiet_until", 0.0)
    monkeypatch.setattr(wake, "_trusted_until", 0.0)


@pytest.mark.django_db(transaction=True)
def test_orders_go_on_without_redis_and_the_log_says_so_once(
    nobody_answers: None, caplog: pytest.LogCaptureFixture
) -> None:
    product("MUG", 5)
    started = time.monotonic()
    with caplog.at_level(logging.WARNING, logger=wake.__name__):
        for _ in range(3):
            pack_order(order_id=paid({"MUG": 1}).pk, actor="eve")
    assert time.monotonic() - started < 5
    told = [record.message.partition(":")[0] for record in caplog.records if record.name == wake.__name__]
    assert told == ["no worker was woken for charge_due"]


@pytest.mark.django_db
def test_nobody_is_woken_for_what_was_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(wake, "_send", lambda task, _args: sent.append(task))
    product("MUG", 5)
    paid({"MUG": 1})
    assert sent == []


class Calls:
    """What Celery would have got."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[object, ...]] = []
        monkeypatch.setattr(wake, "_quiet_until", 0.0)  # whatever Redis was to the tests before
        monkeypatch.setattr(wake, "_trusted_until", 0.0)
        monkeypatch.setattr(current_app, "send_task", lambda _name, args, **_options: self.sent.append(args))


@pytest.mark.django_db(transaction=True)
def test_a_partition_that_is_being_drained_is_called_once(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    for _ in range(3):
        wake.wake("drain", "orders", 0)
        wake.wake("drain", "orders", 1)
    assert calls.sent == [("orders", 0), ("orders", 1)]
    wake.awake("drain", "orders", 0)
    wake.wake("drain", "orders", 0)
    wake.wake("drain", "orders", 1)
    assert calls.sent[2:] == [("orders", 0)]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("settled", [0, 7])
def test_a_drain_looks_once_more_after_it_has_said_that_it_ends(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, settled: int
) -> None:
    """What came while it ran called nobody: without the last look it would wait for the sweep."""
    calls = Calls(monkeypatch)
    said: list[object] = []

    def drain(_topic: str, _partition: int) -> Drained:
        wake.wake("drain", "orders", 0)  # its own call stands, so this one is not sent
        wake.wake("drain", "orders", 2)  # nor is that of one that this drain holds, too
        assert calls.sent == [("orders", 0), ("orders", 2)]
        return Drained(settled, frozenset({0, 2}))

    def still_to_drain(_topic: str, partitions: Collection[int]) -> list[int]:
        said.extend(redis.exists(wake._flag("drain", ("orders", number))) for number in partitions)
        return [2]

    monkeypatch.setattr(pipeline, "drain", drain)
    monkeypatch.setattr(pipeline, "still_to_drain", still_to_drain)
    wake.wake("drain", "orders", 0)
    wake.wake("drain", "orders", 2)
    assert tasks.drain("orders", 0) == settled
    assert said == [0, 0]
    assert calls.sent[2:] == [("orders", 2)]


@pytest.mark.django_db(transaction=True)
def test_who_finds_a_partition_taken_leaves_it_and_its_call_alone(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    monkeypatch.setattr(pipeline, "drain", lambda *_: None)
    wake.wake("drain", "orders", 0)
    assert tasks.drain("orders", 0) == 0
    wake.wake("drain", "orders", 0)
    assert calls.sent == [("orders", 0)]


@pytest.mark.django_db(transaction=True)
def test_what_a_drain_makes_due_is_charged_by_the_same_task_and_nobody_is_called(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, done = Calls(monkeypatch), list[str]()

    def lease(_room: int) -> list[Question]:
        done.append("looked for what is due")
        return []

    def drain(topic: str, _partition: int) -> Drained:
        if topic == "orders":
            wake.wake("charge_due")
            wake.wake("charge_due")
        return Drained(1, frozenset({0}))

    monkeypatch.setattr(pipeline, "drain", drain)
    monkeypatch.setattr(pipeline, "still_to_drain", lambda *_: [])
    monkeypatch.setattr(charging, "lease", lease)
    tasks.drain("orders", 0)
    tasks.drain("inventory", 0)
    assert (done, calls.sent) == (["looked for what is due"], [])
    wake.wake("charge_due")
    assert calls.sent == [()]


@pytest.mark.django_db(transaction=True)
def test_of_a_drain_that_fails_what_had_fallen_due_is_left_to_somebody_else(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)

    def drain(_topic: str, _partition: int) -> Drained:
        wake.wake("charge_due")
        raise RuntimeError

    monkeypatch.setattr(pipeline, "drain", drain)
    with pytest.raises(RuntimeError):
        tasks.drain("orders", 0)
    assert calls.sent == [()]
