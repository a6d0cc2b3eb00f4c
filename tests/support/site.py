"""The whole site of a test: uvicorn in a thread, and the other processes as children.

The thread shares the test's settings, so its fixtures apply; the children get them by their environment.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections

from dashboards.screen.hub import the_hub
from shopsite.api.server import API
from shopsite.events import clicks
from shopsite.events.heartbeat import read_beats
from shopsite.runtime.service import Program, Service
from tests.support import child_env, until

STARTED_WITHIN = 60.0  # seconds; a busy machine imports slowly
PING_S = 20.0  # uvicorn's own: who does not answer a ping for so long is gone


class SiteThread(threading.Thread):
    """shopsite.asgi on a port; 0: on a free one."""

    def __init__(self, ping_every: float, port: int) -> None:
        super().__init__(name="site", daemon=True)
        self.listener = socket.create_server(("127.0.0.1", port))
        self.server = uvicorn.Server(
            uvicorn.Config(
                "shopsite.asgi:application",
                ws_per_message_deflate=False,
                ws_ping_interval=ping_every,
                ws_ping_timeout=ping_every,
                log_level="warning",
            )
        )

    @property
    def address(self) -> str:
        """Where the site answers."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        """Serve until `stop`."""
        with self.listener:
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        await self.server.serve(sockets=[self.listener])
        the_hub().stop()
        await asyncio.to_thread(API.close)
        await sync_to_async(connections.close_all)()  # else the test database could not be dropped

    def stop(self) -> None:
        """End the server and wait for it."""
        self.server.should_exit = True
        self.join(timeout=10)


@contextmanager
def serving(*, ping_every: float = PING_S, port: int = 0) -> Iterator[str]:
    """The address of the whole site, on the database, Kafka and Redis of the test's settings.

    ping_every: seconds between two pings of each websocket. port: 0 for a free one.
    """
    thread = SiteThread(ping_every, port)
    thread.start()
    until(lambda: thread.server.started or not thread.is_alive())
    assert thread.is_alive(), "the site did not start: the captured output says why"
    try:
        yield thread.address
    finally:
        thread.stop()
        clicks.close()  # while the broker is still there


@pytest.fixture
def site(transactional_db: None, kafka: object, redis: object) -> Iterator[str]:
    """The address of the whole site, on the run's Kafka and Redis."""
    with serving() as address:
        yield address


@contextmanager
def processes(*names: str) -> Iterator[dict[str, Service]]:
    """`manage.py NAME` for each name, once all of them show a heartbeat, until the block ends."""
    with ExitStack() as stack:
        running = {}
        for name in names:
            env = child_env(SHOP_LOCAL_DIR=str(Path(settings.EMAIL_FILE_PATH).parent), LOG_LEVEL="WARNING")
            service = Service(Program(name, [sys.executable, "manage.py", name], env))
            service.start()
            stack.callback(service.stop)
            running[name] = service
        until(lambda: _all_beat(running), within=STARTED_WITHIN)
        yield running


def _all_beat(running: dict[str, Service]) -> bool:
    for service in running.values():
        assert service.is_alive(), service.obituary("ended")
    return running.keys() <= {beat["name"] for beat in read_beats()}
