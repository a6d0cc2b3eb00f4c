"""A page view over HTTP moves a number on an open dashboard: every part between is the real one."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from tests.support.servers import Kafka
from tests.support.shop import product
from tests.support.shopper import Shopper
from tests.support.site import processes

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
Screen = dict[str, dict[str, Any]]


@contextmanager
def staff_socket(site: str) -> Iterator[ClientConnection]:
    """The dashboard's socket of somebody who may see everything."""
    browser = Client()
    browser.force_login(User.objects.create_superuser("staff"))
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    with connect(
        site.replace("http", "ws") + "/ws/dashboard/",
        origin=Origin(site),
        additional_headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"},
    ) as socket:
        yield socket


def follow(socket: ClientConnection, screen: Screen, wanted: Callable[[Screen], bool]) -> None:
    """Apply frames to the screen, as the page does, until it shows what is wanted; 60 s at most."""
    deadline = time.monotonic() + 60
    while not wanted(screen):
        assert time.monotonic() < deadline, f"not shown: {screen}"
        frame = json.loads(socket.recv(timeout=60))
        for section, values in frame.get("set", {}).items():
            screen.setdefault(section, {}).update(values)


def test_a_page_view_moves_a_number_on_an_open_dashboard(site: str, kafka: Kafka, redis: object) -> None:
    product("MUG", stock=5)
    screen: Screen = {}
    with Shopper(site) as ada, processes("aggregate"), staff_socket(site) as socket:
        follow(socket, screen, lambda now: "visitors30" in now.get("now", {}))
        assert screen["now"]["visitors30"] == 0

        ada.look_at("MUG")
        follow(socket, screen, lambda now: now["now"]["visitors30"] == 1)
        follow(socket, screen, lambda now: now.get("products", {}).get("MUG", [0])[0] == 1)
