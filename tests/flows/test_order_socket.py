"""The websocket of an order's page over the real server: who is let in, what is told, what is survived.

By hand for longer: SHOP_IDLE_SECONDS=75 pytest tests/flows/test_order_socket.py -k quiet.
"""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import msgpack
import pytest
import redis as redis_package
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, Group, User
from django.db import OperationalError, transaction
from django.test import Client
from pytest_django.fixtures import Settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from orders import letters, mails, news, sending
from orders.models import Mail, Order
from shopsite import callers
from shopsite.callers import caller_of
from shopsite.fulfilment import charge, pack_order
from shopsite.roles import make_roles
from shopsite.storefront import sockets
from tests.support import until
from tests.support.shop import place, product, read_back
from tests.support.site import PING_S, serving

pytestmark = pytest.mark.django_db(transaction=True)
Redis = redis_package.Redis
VISITOR = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32
IDLE = float(os.environ.get("SHOP_IDLE_SECONDS", "8"))  # more than the 5 s after which redis-py gives up


@pytest.fixture
def site(redis: Redis) -> Iterator[str]:
    """The address of a site; its Redis is real, Kafka is away."""
    with serving() as address:
        yield address


@pytest.fixture
def order(site: str) -> Order:
    """An order of the browser VISITOR, just accepted."""
    product("MUG", 9)
    made = place({"MUG": 1})
    Order.objects.filter(pk=made.pk).update(user_id=VISITOR)
    return made


@contextmanager
def page_of(
    site: str, order_id: str, *, visitor: str = VISITOR, browser: Client | None = None, origin: str = ""
) -> Iterator[ClientConnection]:
    """The socket of an order's page in this browser."""
    cookies = {settings.VISITOR_COOKIE: visitor}
    if browser:
        cookies[settings.SESSION_COOKIE_NAME] = browser.cookies[settings.SESSION_COOKIE_NAME].value
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    address = f"{site.replace('http', 'ws')}/ws/orders/{order_id}/"
    with connect(address, origin=Origin(origin or site), additional_headers=headers) as socket:
        yield socket


def hears(socket: ClientConnection) -> dict[str, Any]:
    """What it is told next."""
    return dict(json.loads(socket.recv(timeout=10)))


def is_closed_with(socket: ClientConnection) -> int | None:
    """The code that the server closes with."""
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            socket.recv(timeout=10)
    return closed.value.rcvd.code if closed.value.rcvd else None


def listeners(redis: Redis) -> int:
    """How many processes listen to the news of orders."""
    return int(dict(redis.pubsub_numsub(news.channel())).get(news.channel().encode(), 0))


@contextmanager
def heard_from(redis: Redis) -> Iterator[Any]:
    """What is told from now on."""
    with redis.pubsub() as heard:  # type: ignore[no-untyped-call]
        heard.subscribe(news.channel())
        until(lambda: heard.get_message(timeout=1))
        yield heard


def settled(socket: ClientConnection, redis: Redis) -> str:
    """The page's version, once changes are heard: a watch that has just begun tells all to look."""
    version = hears(socket)["version"]
    until(lambda: listeners(redis) == 1)
    return str(version)


def next_change(socket: ClientConnection, order_id: str, kind: str) -> None:
    """Wait until the page was told, and a look at the order finds it in this status."""
    while True:
        assert hears(socket)["live"] is True
        if Order.objects.get(pk=order_id).status == kind:
            return


def test_a_change_is_told_to_the_open_page(site: str, order: Order, redis: Redis) -> None:
    with page_of(site, order.order_id) as socket:
        settled(socket, redis)
        read_back(order)
        charge(order.order_id)
        next_change(socket, order.order_id, "paid")
        pack_order(order_id=order.order_id, actor="ada")
        next_change(socket, order.order_id, "packed")


def test_a_page_is_told_its_version_first_so_it_sees_what_it_missed(site: str, order: Order) -> None:
    browser = Client()
    browser.cookies[settings.VISITOR_COOKIE] = VISITOR
    seen = browser.get(f"/orders/{order.order_id}/status").json()["version"]
    with page_of(site, order.order_id) as socket:
        assert hears(socket)["version"] == seen
    Order.objects.filter(pk=order.pk).update(refunded=1)
    with page_of(site, order.order_id) as socket:
        assert hears(socket)["version"] != seen


def test_a_sent_mail_is_told(site: str, order: Order, redis: Redis) -> None:
    mails.write(Order.objects.get(pk=order.pk), letters.CONFIRMATION)
    with page_of(site, order.order_id) as socket:
        settled(socket, redis)
        sending.send_due()
        while Mail.objects.get().state != "sent":
            hears(socket)
        hears(socket)


def test_what_was_rolled_back_is_told_to_nobody(redis: Redis, order: Order) -> None:
    with heard_from(redis) as heard:
        with transaction.atomic():
            news.tell(["never"])
            transaction.set_rollback(True)
        news.tell(["told"])
        message = until(lambda: heard.get_message(timeout=1))
        assert b"told" in message["data"]
        assert b"never" not in message["data"]


def test_a_batch_is_told_in_few_messages(redis: Redis) -> None:
    with heard_from(redis) as heard:
        news.tell(str(number) for number in range(5000))
        found: set[str] = set()
        messages = 0
        while len(found) < 5000:
            message = until(lambda: heard.get_message(timeout=1))
            found |= set(msgpack.unpackb(message["data"]))
            messages += 1
        assert messages <= 50


def test_an_order_moves_while_redis_is_away(settings: Settings, db: None) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    product("MUG", 9)
    order = place({"MUG": 1})
    read_back(order)
    charge(order.order_id)
    assert Order.objects.get().status == "paid"


def test_many_pages_listen_once(site: str, order: Order, redis: Redis) -> None:
    with ExitStack() as stack:
        pages = [stack.enter_context(page_of(site, order.order_id)) for _ in range(20)]
        for socket in pages:
            hears(socket)
        until(lambda: listeners(redis) == 1)
        news.tell([order.order_id])
        for socket in pages:
            assert "changed" in hears(socket)
        assert listeners(redis) == 1


def test_an_order_of_somebody_else_is_told_nothing_of(site: str, order: Order, redis: Redis) -> None:
    with page_of(site, order.order_id) as socket, page_of(site, "another") as stranger:
        settled(socket, redis)
        assert is_closed_with(stranger) == 4404
        news.tell(["another"])
        news.tell([order.order_id])
        hears(socket)
        with pytest.raises(TimeoutError):
            while True:
                assert "changed" in json.loads(socket.recv(timeout=0.3))


@pytest.mark.parametrize("visitor", [OTHER, "", "x"])
def test_another_browser_learns_nothing_not_even_that_it_exists(
    site: str, order: Order, visitor: str
) -> None:
    for order_id in (order.order_id, "no-such-order"):
        with page_of(site, order_id, visitor=visitor) as socket:
            assert is_closed_with(socket) == 4404


def test_a_page_of_another_site_is_refused(site: str, order: Order) -> None:
    with (
        pytest.raises(InvalidStatus),
        page_of(site, order.order_id, origin="https://evil.example") as socket,
    ):
        hears(socket)


def test_staff_may_watch_any_order(site: str, order: Order) -> None:
    make_roles()
    user = User.objects.create_user("vera", is_staff=True)
    user.groups.add(Group.objects.get(name="viewer"))
    browser = Client()
    browser.force_login(user)
    with page_of(site, order.order_id, visitor=OTHER, browser=browser) as socket:
        assert "version" in hears(socket)


def test_who_logs_out_is_sent_away(site: str, order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.1)
    user = User.objects.create_user("ada")
    Order.objects.filter(pk=order.pk).update(account=user)
    browser = Client()
    browser.force_login(user)
    with page_of(site, order.order_id, browser=browser) as socket:
        assert "version" in hears(socket)
        browser.logout()
        assert is_closed_with(socket) == 4404


def test_who_logs_out_while_the_database_is_away_is_sent_away_later(
    site: str, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.1)
    monkeypatch.setattr(callers, "RETRY_S", 0.1)
    user = User.objects.create_user("ada")
    Order.objects.filter(pk=order.pk).update(account=user)
    browser = Client()
    browser.force_login(user)
    asked: list[object] = []

    async def away_twice(scope: Mapping[str, Any]) -> User | AnonymousUser:
        asked.append(scope)
        if len(asked) in {2, 3}:  # the first lets the page in
            raise OperationalError("database is locked")
        return await caller_of(scope)

    monkeypatch.setattr(sockets, "caller_of", away_twice)
    with page_of(site, order.order_id, browser=browser) as socket:
        assert "version" in hears(socket)
        browser.logout()
        assert is_closed_with(socket) == 4404
    assert len(asked) >= 4


def test_a_lost_redis_is_told_and_when_it_is_back_the_page_looks_again(
    site: str, order: Order, redis: Redis
) -> None:
    with page_of(site, order.order_id) as socket:
        settled(socket, redis)
        redis.client_kill_filter(_type="pubsub")
        told = [hears(socket)["live"]]
        while told[-1:] != [True] or False not in told:
            told.append(hears(socket)["live"])
        news.tell([order.order_id])
        assert hears(socket)["live"] is True


@pytest.mark.slow
def test_an_idle_page_hears_however_long_it_was_quiet(
    redis: Redis, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than Redis and the server wait for a word, and than a session is believed in."""
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", min(sockets.SESSION_CHECK_S, IDLE / 4))
    with serving(ping_every=min(PING_S, IDLE / 4)) as quiet_site, page_of(quiet_site, order.pk) as socket:
        settled(socket, redis)
        quiet_until = time.monotonic() + IDLE
        while (left := quiet_until - time.monotonic()) > 0:
            try:
                socket.recv(timeout=left)
            except TimeoutError:
                break
        news.tell([order.order_id])
        assert "changed" in hears(socket)
