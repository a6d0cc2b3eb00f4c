"""`manage.py runserver` serves pages, static files and websockets, with or without Kafka."""

import subprocess

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from shopsite.runtime.ports import answers, free_port
from tests.support import child_env, until
from tests.support.demos import manage

pytestmark = [pytest.mark.slow]


def test_runserver_serves_websockets_too(transactional_db: None, redis: object) -> None:
    port = free_port()
    server = subprocess.Popen(
        manage("runserver", "--noreload", str(port)),
        env=child_env(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        until(lambda: answers(port) or server.poll() is not None, within=60)
        site = f"http://127.0.0.1:{port}"
        assert httpx.get(f"{site}/", timeout=20).status_code == 200
        assert httpx.get(f"{site}/static/shopsite/tokens.css", timeout=20).status_code == 200
        assert is_a_websocket(f"ws://127.0.0.1:{port}/ws/dashboard/", site)
    finally:
        server.terminate()
        said, _ = server.communicate(timeout=20)
    assert "Kafka is missing" in said


def is_a_websocket(address: str, origin: str) -> bool:
    """Whether something that speaks websockets answers: strangers are turned away, but by it."""
    try:
        with connect(address, origin=Origin(origin)):
            return True
    except InvalidStatus as refused:
        return refused.response.status_code == 403
