"""The server process: uvicorn around shopsite/asgi.py, with a heartbeat from inside its loop.

`manage.py web` and `manage.py runserver` -> here.
"""

import asyncio
import contextlib
import signal
import threading
import time

import uvicorn
from django.conf import settings
from django.db import connection, connections

from dashboards.reports.ahead import read_ahead_aside
from dashboards.screen.hub import the_hub
from shopsite.events import clicks
from shopsite.events.heartbeat import Heartbeat
from shopsite.garbage import collect_seldom

LARGEST_WEBSOCKET_MESSAGE = 64 * 1024
GRACEFUL_SECONDS = 2  # for requests that run and sockets that are open, after SIGTERM
POOL_SECONDS = 10.0  # that a request waits for a connection while all are in use; then it fails
FLUSH_SECONDS = 1.0  # for clicks that are still in memory: the rest goes to the spool file


class BeatingServer(uvicorn.Server):
    """Beats from its own loop: a loop that hangs is seen to hang."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._heartbeat = Heartbeat("web")
        self._beat: asyncio.Future[None] | None = None
        self._last_tick = time.monotonic()

    async def on_tick(self, counter: int) -> bool:
        """uvicorn calls this ten times a second."""
        now = time.monotonic()
        late, self._last_tick = now - self._last_tick - 0.1, now
        if counter % 10 == 0 and (self._beat is None or self._beat.done()):
            loop = asyncio.get_running_loop()
            state, hub = self.server_state, the_hub()
            figures = {
                "requests": state.total_requests,
                "connections": len(state.connections),
                "loop_late_ms": round(max(0.0, late) * 1000),
                "viewers": hub.viewers.total(),
                "frames": hub.frames,
                "clicks": clicks.stats(),
            }
            # in a thread: a Redis that does not answer must not hold up requests
            self._beat = loop.run_in_executor(None, lambda: self._heartbeat.beat(**figures))
        return await super().on_tick(counter)


def make_config(host: str, port: int) -> uvicorn.Config:
    """How the shop is served, everywhere."""
    return uvicorn.Config(
        "shopsite.asgi:application",
        host=host,
        port=port,
        log_config=None,  # Django's LOGGING stands
        access_log=False,
        server_header=False,
        ws_max_size=LARGEST_WEBSOCKET_MESSAGE,
        ws_per_message_deflate=False,  # 53 us a message, for frames that are small already
        ws_max_queue=16,
        proxy_headers=bool(settings.TRUSTED_PROXIES),
        forwarded_allow_ips=settings.TRUSTED_PROXIES,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
        lifespan="off",
    )


def share_connections() -> None:
    """Let requests hand PostgreSQL's connections on to each other: a new one costs more than most pages.

    In the server process only. Loops and workers keep theirs for good, and the relay's holds its lock.
    """
    if connection.vendor != "postgresql":
        return
    connections.close_all()  # what the start has opened is of no pool
    database = connections.settings[connection.alias]
    database["CONN_HEALTH_CHECKS"] = True  # of one that is handed on: the server may have been restarted
    database["OPTIONS"]["pool"] = {"min_size": 1, "max_size": settings.DATABASE_POOL, "timeout": POOL_SECONDS}


def serve(host: str, port: int) -> None:
    """Serve until SIGTERM or Ctrl-C, then hand over what is still in memory."""
    share_connections()
    if threading.current_thread() is threading.main_thread():  # the reloader serves from another
        # uvicorn raises the signal again when it has stopped; by default SIGTERM would end us there and then
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        config = make_config(host, port)
        config.load()
        collect_seldom()
        read_ahead_aside()
        BeatingServer(config).run()
    clicks.close(FLUSH_SECONDS)  # and what Kafka has not acknowledged by then goes to the spool
