"""The websocket of the live page over the real server: who is let in, what comes, what is survived."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import redis as redis_package
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import OperationalError, connection
from django.test import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from dashboards.screen import sockets
from shopsite import callers
from shopsite.callers import find_caller
from shopsite.roles import make_roles
from tests.support.live import Shown, an_order_is_paid, happens, the_aggregate_process_lives, views
from tests.support.site import serving

pytestmark = pytest.mark.django_db(transaction=True)
Redis = redis_package.Redis
IDLE_S = 70  # longer than any of the server's own patience: pings, and the look at the session


@pytest.fixture
def page(redis: Redis) -> Iterator[str]:
    """The address of a site; its Redis is real, Kafka is away."""
    the_aggregate_process_lives(redis)
    with serving() as address:
        yield address


def staff(name: str = "staff", role: str | None = "viewer") -> Client:
    """A browser in which a member of staff is signed in."""
    make_roles()
    user = User.objects.create_user(name, is_staff=True)
    if role:
        user.groups.add(Group.objects.get(name=role))
    browser = Client()
    browser.force_login(user)
    return browser


@contextmanager
def socket_of(page: str, browser: Client | None = None, query: str = "") -> Iterator[ClientConnection]:
    cookie = {}
    if browser:
        name = settings.SESSION_COOKIE_NAME
        cookie = {"Cookie": f"{name}={browser.cookies[name].value}"}
    address = f"{page.replace('http', 'ws')}/ws/dashboard/{query}"
    with connect(address, origin=Origin(page), additional_headers=cookie) as socket:
        yield socket


def take(socket: ClientConnection, shown: Shown) -> None:
    text = socket.recv(timeout=10)
    assert isinstance(text, str)
    shown.apply(text)


def until_shown(socket: ClientConnection, shown: Shown, name: str, value: object) -> None:
    deadline = time.monotonic() + 10
    while shown.now(name) != value:
        assert time.monotonic() < deadline, f"{name} is {shown.now(name)}"
        take(socket, shown)


def closing(socket: ClientConnection) -> tuple[int | None, str]:
    """The code and the reason that the server closes with."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


def test_a_stranger_is_told_to_sign_in(page: str) -> None:
    with socket_of(page) as socket:
        code, reason = closing(socket)
    assert code == 4401
    assert "Sign in" in reason


def test_a_shopper_is_told_to_sign_in_as_staff(page: str) -> None:
    shopper = Client()
    shopper.force_login(User.objects.create_user("ada"))
    with socket_of(page, shopper) as socket:
        assert closing(socket)[0] == 4401


def test_staff_without_a_role_is_refused_with_the_reason(page: str) -> None:
    with socket_of(page, staff(role=None)) as socket:
        code, reason = closing(socket)
    assert code == 4403
    assert "role" in reason


@pytest.mark.parametrize("role", ["viewer", "stock keeper", "operator"])
def test_every_role_may_watch(page: str, role: str) -> None:
    with socket_of(page, staff(role=role)) as socket:
        take(socket, shown := Shown())
        assert shown.frames in (0, 1)


def test_another_site_may_not_listen_in(page: str) -> None:
    browser = staff()
    name = settings.SESSION_COOKIE_NAME
    headers = {"Cookie": f"{name}={browser.cookies[name].value}"}
    address = f"{page.replace('http', 'ws')}/ws/dashboard/"
    with pytest.raises(Exception, match="403"):
        connect(address, origin=Origin("https://elsewhere.example"), additional_headers=headers)


def test_the_charts_come_once_and_the_figures_as_a_snapshot_then_as_changes(page: str, redis: Redis) -> None:
    views(redis, "ada")
    with socket_of(page, staff()) as socket:
        messages = [json.loads(socket.recv(timeout=10)) for _ in range(3)]
        charts = [message for message in messages if "figures" in message]
        frames = [message for message in messages if "set" in message]
        assert [set(chart["figures"]) for chart in charts] == [{"light", "dark"}]
        assert frames[0]["from"] == 0
        assert frames[0]["set"]["now"]["visitors"] == 1
        assert frames[1]["from"] == frames[0]["seq"]


def test_a_reconnect_has_no_gap(page: str, redis: Redis) -> None:
    browser, shown = staff(), Shown()
    with socket_of(page, browser) as socket:
        until_shown(socket, shown, "orders", 0)
    an_order_is_paid(redis, "1")
    with socket_of(page, browser, f"?hub={shown.hub}&seq={shown.seq}") as socket:
        until_shown(socket, shown, "orders", 1)


def test_a_viewer_may_ask_for_a_snapshot(page: str) -> None:
    with socket_of(page, staff()) as socket:
        until_shown(socket, Shown(), "orders", 0)
        socket.send('{"ask":"snapshot"}')
        frames = (json.loads(socket.recv(timeout=10)) for _ in range(20))
        assert any(frame.get("from") == 0 for frame in frames)


def test_a_filter_of_the_address_or_of_a_message_holds_and_a_bad_one_is_explained(
    page: str, redis: Redis
) -> None:
    happens(redis, "clicks-0", {"user_id": "ada", "product_id": "MUG", "country": "DE"})
    happens(redis, "clicks-0", {"user_id": "ben", "product_id": "MUG", "country": "AT"})
    with socket_of(page, staff(), "?country=DE") as socket:
        until_shown(socket, shown := Shown(), "clicks30", 1)
        assert shown.sections["view"] == {"by": "country", "value": "DE"}
        socket.send('{"view":{}}')
        until_shown(socket, shown, "clicks30", 2)
        assert "view" not in shown.sections
        socket.send('{"view":{"country":"DE","device":"phone","bots":"in"}}')
        texts = (socket.recv(timeout=10) for _ in range(20))
        problem = next(json.loads(text)["problem"] for text in texts if "problem" in json.loads(text))
        assert problem == "bots go with one filter, not with country and device"


def test_a_number_that_makes_no_sense_gets_a_snapshot(page: str) -> None:
    with socket_of(page, staff(), "?hub=x&seq=-9e99") as socket:
        until_shown(socket, Shown(), "orders", 0)


@pytest.mark.slow
@pytest.mark.skipif(connection.vendor == "postgresql", reason="once is enough: no database is in it")
def test_an_idle_socket_lives(page: str, redis: Redis) -> None:
    with socket_of(page, staff()) as socket:
        shown = Shown()
        until_shown(socket, shown, "orders", 0)
        quiet_until = time.monotonic() + IDLE_S
        while time.monotonic() < quiet_until:
            take(socket, shown)
        views(redis, "ada")
        until_shown(socket, shown, "visitors", 1)


def test_who_signs_out_is_sent_away(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.1)
    browser = staff()
    with socket_of(page, browser) as socket:
        until_shown(socket, Shown(), "orders", 0)
        browser.logout()
        assert closing(socket)[0] == 4401


def test_who_signs_out_while_the_database_is_away_is_sent_away_later(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.1)
    monkeypatch.setattr(callers, "RETRY_S", 0.1)
    asked: list[str] = []

    def away_twice(session_key: str) -> User | AnonymousUser:
        asked.append(session_key)
        if len(asked) in {2, 3}:  # the first lets the viewer in
            raise OperationalError("database is locked")
        return find_caller(session_key)

    monkeypatch.setattr(sockets, "find_caller", away_twice)
    browser = staff()
    with socket_of(page, browser) as socket:
        until_shown(socket, Shown(), "orders", 0)
        browser.logout()
        assert closing(socket)[0] == 4401
    assert len(asked) >= 4


def test_who_loses_the_role_is_sent_away(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.1)
    with socket_of(page, staff("eve")) as socket:
        until_shown(socket, Shown(), "orders", 0)
        User.objects.get(username="eve").groups.clear()
        assert closing(socket)[0] == 4403
