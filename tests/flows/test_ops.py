"""The pipeline page: what is wrong stands there in words, with the command that mends it."""

import socket
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis as redis_package
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from dashboards.board import register_board
from dashboards.operations import lags
from orders.models import Mail
from shopsite import boards
from shopsite.events.models import DeadLetter, OutboxEvent
from shopsite.events.topic_status import PartitionStatus
from shopsite.roles import make_roles
from tests.support.live import the_aggregate_process_lives
from tests.support.shop import paid, product

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis


@pytest.fixture
def browser() -> Client:
    """Somebody with the smallest role that may look."""
    make_roles()
    user = User.objects.create_user("staff", is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    client = Client()
    client.force_login(user)
    return client


def ago(**span: int) -> Callable[[], datetime]:
    """That long before the test runs."""
    return lambda: timezone.now() - timedelta(**span)


def shown(browser: Client) -> str:
    answer = browser.get("/ops/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_stranger_is_sent_to_sign_in() -> None:
    assert "/admin/login/" in Client().get("/ops/").headers["Location"]


def test_staff_without_a_role_may_not_look() -> None:
    client = Client()
    client.force_login(User.objects.create_user("new", is_staff=True))
    assert client.get("/ops/").status_code == 403
    assert client.get("/dashboard/").status_code == 403


def test_a_kafka_that_is_away_is_told_with_what_still_holds(browser: Client, redis: Redis) -> None:
    page = shown(browser)
    assert "Kafka does not answer" in page
    assert "The shop stays open" in page
    assert "python manage.py doctor" in page


def test_a_missing_process_is_told_with_the_command_that_starts_it(
    browser: Client, redis: Redis, settings: object
) -> None:
    settings.EXPECTED_PROCESSES = ["relay", "aggregate"]  # type: ignore[attr-defined]
    the_aggregate_process_lives(redis)
    page = shown(browser)
    assert "No relay process has been heard of" in page
    assert "python manage.py relay" in page
    assert "python manage.py aggregate" not in page


def test_a_redis_that_is_away_leaves_a_page_that_says_so(browser: Client, settings: object) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    page = shown(browser)
    assert "Redis does not answer." in page
    assert "orders and stock are safe" in page


def test_a_frozen_redis_is_waited_for_once_and_told_of(
    browser: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes connections and says nothing: each further question would cost whoever looks some seconds."""
    asked: list[bool] = []

    def ask(*, has_redis: bool) -> lags.Look:
        asked.append(has_redis)
        return lags.Look(time.monotonic(), 1, [])

    monkeypatch.setattr(lags, "_looks", deque())
    monkeypatch.setattr(lags, "_ask", ask)
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        settings.REDIS_URL = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"
        assert "Redis does not answer." in shown(browser)
    assert asked == [False]


def test_dead_letters_are_counted_with_the_last_reason_and_a_link(browser: Client, redis: Redis) -> None:
    DeadLetter.objects.create(topic="clicks", partition=0, offset=7, reason="no timestamp")
    page = shown(browser)
    assert "The last one: no timestamp." in page
    assert reverse("admin:events_deadletter_changelist") in page


def test_what_waits_in_the_outbox_is_counted(browser: Client, redis: Redis) -> None:
    OutboxEvent.objects.create(topic="orders", key="1", event_id="e1", value=b"{}")
    assert "The oldest has waited for" in shown(browser)


def test_reasons_written_by_strangers_are_shown_as_text(browser: Client, redis: Redis) -> None:
    DeadLetter.objects.create(topic="clicks", partition=0, offset=7, reason="<script>alert(1)</script>")
    assert "<script>alert(1)" not in shown(browser)


@pytest.fixture
def mail() -> Mail:
    """A mail that is due since now."""
    register_board(boards)
    product("MUG", 5)
    return paid({"MUG": 1}).mails.get()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ({"state": "sent"}, ["Every mail that is due has gone out."]),
        ({"created_at": ago(minutes=5)}, ["The oldest has waited for 5 min."]),
        (
            {"created_at": ago(minutes=5), "next_try_at": ago(minutes=2)},
            ["Mails are not being sent.", "python manage.py worker"],
        ),
        (
            {
                "created_at": ago(minutes=40),
                "next_try_at": ago(minutes=-9),
                "why": "not yet: 535 Who?",
            },
            [
                "does not take our mails",
                "waited for 40 min. Not yet: 535 Who?.",
                "manage.py doctor",
            ],
        ),
        (
            {"state": "failed", "created_at": ago(hours=30)},
            ["1 failed within a week.", "/admin/orders/mail/?state__exact=failed"],
        ),
    ],
)
def test_mails_that_wait_or_failed_are_told_with_what_mends_it(
    browser: Client, redis: Redis, mail: Mail, state: dict[str, Any], words: list[str]
) -> None:
    facts = {name: value() if callable(value) else value for name, value in state.items()}
    Mail.objects.filter(pk=mail.pk).update(**facts)
    page = shown(browser)
    assert [each for each in words if each not in page] == []
    assert ("Mails are not being sent." in page) is ("Mails are not being sent." in words)


def test_every_partition_is_listed_where_somebody_asks_for_them(
    browser: Client, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = lags.FAR_BEHIND + 5
    parts = [
        PartitionStatus("orders", number, 1, [1], [1], start=7, end=4200 + number, lag={"consume": lag})
        for number, lag in enumerate((0, behind))
    ]
    monkeypatch.setattr(lags, "_looks", deque([lags.Look(time.monotonic(), 3, parts)]))
    page = shown(browser)
    assert "partition 1" in page and "partition 0" not in page  # only what is far behind
    assert "1,005 behind" in page
    assert "consume has 1,005 messages of orders still to read." in page
    every = browser.get("/ops/?partitions").content.decode()
    assert all(words in every for words in ("partition 0", "partition 1", "4,200", "1 of 1"))
