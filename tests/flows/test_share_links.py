"""Share links: who makes them, what they show, what they don't open, and how they end."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
import redis as redis_package
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from dashboards.screen import sockets
from dashboards.shares.links import find_link, make_link, revoke_link
from dashboards.shares.models import ShareLink
from shopsite.staff.models import StaffAction
from tests.flows.test_hub_socket import closing, staff, until_shown
from tests.flows.test_hub_socket import page as page
from tests.support.live import Shown, views
from tests.support.shop import product

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis


def link(name: str = "the board") -> str:
    """The token of a link for an hour, made by the first member of staff."""
    user, _ = User.objects.get_or_create(username="maker", is_staff=True)
    return make_link(name=name, life="hour", user=user, now=timezone.now())[0]


def test_a_link_is_made_by_whoever_may_and_shown_once() -> None:
    operator = staff("olga", "operator")
    told = operator.post("/dashboard/share/", {"name": "the board", "life": "week"})
    address = told.json()["address"]
    row = ShareLink.objects.get()
    assert row.expires_at - row.made_at == timedelta(days=7)
    token = address.rstrip("/").rsplit("/", 1)[1]
    assert len(token) == 32
    assert token not in str(ShareLink.objects.values().get())
    assert (told["Cache-Control"], StaffAction.objects.get(action="share").actor) == ("no-store", "olga")
    assert Client().get(f"/shared/{token}/").status_code == 200
    row.refresh_from_db()
    assert row.last_used_at is not None
    assert operator.post("/dashboard/share/", {"name": "x", "life": "ever"}).status_code == 400
    assert operator.post("/dashboard/share/", {"name": " ", "life": "day"}).status_code == 400


def test_nobody_else_makes_one_and_no_other_site_does_it_for_them() -> None:
    wanted = {"name": "x", "life": "day"}
    assert staff("vera", "viewer").post("/dashboard/share/", wanted).status_code == 403
    assert Client().post("/dashboard/share/", wanted).status_code == 403
    forger = Client(enforce_csrf_checks=True)
    forger.force_login(User.objects.create_superuser("root"))
    assert forger.post("/dashboard/share/", wanted).status_code == 403
    assert not ShareLink.objects.exists()


def test_the_page_of_a_link_leads_nowhere_further_and_tells_nobody_its_address() -> None:
    answer = Client().get(f"/shared/{link()}/")
    text = answer.content.decode()
    for inner in ("/admin", "/ops/", "/dashboard/", 'id="share"'):
        assert inner not in text
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex"
    assert not answer.cookies.keys() & {"sessionid"}


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("/dashboard/", 302), ("/dashboard/answers/", 302), ("/dashboard/density/", 302), ("/ops/", 302),
        ("/admin/", 302), ("/admin/orders/order/", 302), ("/admin/shares/sharelink/", 302),
    ],
)  # fmt: skip
def test_a_guest_opens_no_other_page(address: str, refused: int) -> None:
    guest, token = Client(), link()
    guest.get(f"/shared/{token}/")
    assert guest.get(address, headers={"authorization": f"Bearer {token}"}).status_code == refused


def test_a_link_opens_nothing_when_it_has_expired_was_revoked_or_is_wrong() -> None:
    now, guest, token = timezone.now(), Client(), link()
    assert find_link(token, now + timedelta(minutes=59))
    assert find_link(token, now + timedelta(minutes=61)) is None
    assert revoke_link(link_id=ShareLink.objects.get().pk, user=User.objects.get(), now=now)
    for wrong in (token, token[::-1], "x" * 32, "x"):
        answer = guest.get(f"/shared/{wrong}/")
        assert (answer.status_code, answer["Referrer-Policy"]) == (404, "no-referrer")


def test_links_are_listed_with_their_last_use_and_revoked_in_the_admin() -> None:
    link("the board")
    chosen = {"action": "revoke", "_selected_action": [ShareLink.objects.get().pk]}
    operator, viewer = staff("olga", "operator"), staff("vera", "viewer")
    assert viewer.post("/admin/shares/sharelink/", chosen).status_code == 403
    assert ShareLink.objects.get().revoked_at is None
    page = operator.post("/admin/shares/sharelink/", chosen).content.decode()
    assert "is sent away within a minute" in page
    assert ShareLink.objects.get().revoked_at is None
    sure = chosen | {"confirmed": "yes"}
    page = operator.post("/admin/shares/sharelink/", sure, follow=True).content.decode()
    assert "1 revoked: the board." in page
    assert "Last used at" in page
    assert ShareLink.objects.get().revoked_at is not None


@contextmanager
def guest_of(page: str, token: str, query: str = "") -> Iterator[ClientConnection]:
    with connect(f"{page.replace('http', 'ws')}/ws/shared/{token}/{query}", origin=Origin(page)) as socket:
        yield socket


@pytest.mark.django_db(transaction=True)
def test_a_guest_sees_the_figures_live_and_no_event_of_anybody(page: str, redis: Redis) -> None:
    product("MUG", stock=7)
    token = link()
    with guest_of(page, token) as socket:
        shown = Shown()
        until_shown(socket, shown, "visitors", 0)
        views(redis, "ada", "ben")
        until_shown(socket, shown, "visitors", 2)
        brought = re.search(r'data-first="([^"]+)"', httpx.get(f"{page}/shared/{token}/").text)
        assert brought and "feed" not in json.loads(html.unescape(brought[1]))["set"]
        assert not shown.sections.keys() & {"feed", "searches", "paths"}
        socket.send('{"play":{"from":"2024-06-18T12:00:00Z"}}')
        problems = (json.loads(socket.recv(timeout=10)).get("problem") for _ in range(20))
        assert "a share link shows what is live only" in problems


@pytest.mark.django_db(transaction=True)
def test_a_guest_sets_no_filter_by_address_or_message(page: str, redis: Redis) -> None:
    with guest_of(page, link(), "?country=AT") as socket:
        views(redis, "ada", "ben")
        until_shown(socket, shown := Shown(), "clicks30", 2)
        socket.send('{"view":{"country":"AT"}}')
        problems = (json.loads(socket.recv(timeout=10)).get("problem") for _ in range(20))
        assert "a share link shows what is live only" in problems
        assert not shown.sections.keys() & {"view", "unsplit"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["revoked_at", "expires_at"])
def test_a_guest_whose_link_ends_is_sent_away(
    page: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "SESSION_CHECK_S", 0.1)
    with guest_of(page, token := link()) as socket:
        until_shown(socket, Shown(), "visitors", 0)
        ShareLink.objects.update(**{change: timezone.now()})
        assert closing(socket)[0] == sockets.ENDED
    with guest_of(page, token) as socket:
        assert closing(socket)[0] == sockets.ENDED


@pytest.mark.django_db(transaction=True)
def test_a_link_that_was_passed_on_too_often_holds_off_who_comes_last(
    page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MOST_GUESTS", 1)
    token = link()
    with guest_of(page, token) as first:
        until_shown(first, Shown(), "visitors", 0)
        with guest_of(page, token) as second:
            assert closing(second)[0] == sockets.FULL
