"""What proxies, compose and people are told of the shop's health, where parts are missing."""

import json
import time
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from redis import Redis

from shopsite.events.heartbeat import Heartbeat, read_beats
from shopsite.management.commands.runserver import Command as Runserver
from shopsite.runtime import checks, login

pytestmark = pytest.mark.django_db


def missing(client: Client) -> dict[str, str]:
    """What /readyz names as missing, and what it says to do."""
    answer = client.get("/readyz")
    body = answer.json()
    assert answer.status_code == (200 if body["ready"] else 503)
    return {finding["name"]: finding["mend"] for finding in body["missing"]}


def test_livez_asks_nobody(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/livez")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-cache" in answer.headers["Cache-Control"]


def test_readyz_names_what_is_missing_and_what_to_do(
    client: Client, settings: Settings, redis: Redis
) -> None:
    settings.EXPECTED_PROCESSES = ["web", "relay"]
    Heartbeat("web").beat()
    told = missing(client)
    assert set(told) == {"broker", "relay"}
    assert "Start Kafka" in told["broker"] and "`manage.py relay`" in told["relay"]


def test_an_old_heartbeat_does_not_count(
    client: Client, settings: Settings, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EXPECTED_PROCESSES = ["relay"]
    Heartbeat("relay").beat()
    assert "relay" not in missing(client)
    monkeypatch.setattr(checks, "FRESH_SECONDS", -1)
    assert "relay" in missing(client)


def test_readyz_answers_while_redis_is_away(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://shop:secret@127.0.0.1:1/0"
    settings.EXPECTED_PROCESSES = ["web"]
    assert set(missing(client)) == {"broker", "redis", "web"}
    assert b"secret" not in client.get("/readyz").content


def test_a_migration_that_is_not_applied_is_named(
    client: Client, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_command("migrate", "events", "zero", fake=True, verbosity=0)
    assert missing(client)["migrations"] == "Run `manage.py migrate`."


def test_doctor_says_how_to_mend_each_and_ends_with_one(redis: Redis) -> None:
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", stdout=out)
    assert ended.value.code == 1
    lines = out.getvalue().splitlines()
    broker = next(number for number, line in enumerate(lines) if line.startswith("bad  broker"))
    assert "-> Start Kafka" in lines[broker + 1]
    assert any(line.startswith("ok   python") for line in lines)


def test_doctor_has_json(redis: Redis) -> None:
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("doctor", "--json", stdout=out)
    report = json.loads(out.getvalue())
    names = [check["name"] for check in report["checks"]]
    assert report["ok"] is False
    assert {"python", "java", "jars", "disk", "port", "database", "migrations", "broker", "redis"} <= set(
        names
    )


def test_a_container_asks_doctor_for_its_own_heartbeat_only(redis: Redis) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", "--heartbeat", "relay", stdout=StringIO())
    assert ended.value.code == 1
    Heartbeat("relay").beat()
    out = StringIO()
    call_command("doctor", "--heartbeat", "relay", stdout=out)
    assert out.getvalue().splitlines() == ["ok   relay              beats"]


def test_runserver_says_that_kafka_is_missing_while_the_shop_works(client: Client) -> None:
    told = StringIO()
    command = Runserver(stderr=told, no_color=True)
    command._say_what_is_missing()
    assert "Kafka is missing" in told.getvalue() and "The shop and the admin work" in told.getvalue()
    assert client.get("/").status_code == 200


def test_the_login_link_logs_the_staff_user_in_once(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "LOCAL_DIR", tmp_path)
    User.objects.create_user("staff", is_staff=True)
    address = f"/login/once/{login.make_token('staff')}/"
    answer = client.get(address)
    assert (answer.status_code, answer["Location"]) == (302, "/dashboard/")
    assert client.session["_auth_user_id"]
    assert client.get(address).status_code == 302  # reloaded by the one who is logged in
    assert Client().get(address).status_code == 410


def test_a_login_link_of_somebody_who_is_no_staff_does_nothing(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "LOCAL_DIR", tmp_path)
    User.objects.create_user("ada")
    assert client.get(f"/login/once/{login.make_token('ada')}/").status_code == 410
    assert "_auth_user_id" not in client.session


def test_a_heartbeat_tells_how_fast_its_counts_grew_over_the_last_minute(
    monkeypatch: pytest.MonkeyPatch, redis: Redis
) -> None:
    at = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: at[0])
    heart = Heartbeat("relay")
    told = []
    for seconds, counts in (
        (0, {}),
        (10, {"published": 50}),
        (100, {"published": 300}),
        (110, {"published": 700}),
    ):
        at[0] = 1000.0 + seconds
        heart.beat(lag=seconds, **counts)
        told.append(read_beats()[0]["rates"])
    assert told == [
        {},
        {"published": 5.0},
        {},
        {"published": 40.0},
    ]  # what is older than a minute is forgotten
