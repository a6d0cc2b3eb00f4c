"""Waking a worker is a hint: it never fails or holds up what has just committed."""

import logging
import time

import pytest
from pytest_django.fixtures import Settings

from shopsite.fulfilment import pack_order, wake
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
