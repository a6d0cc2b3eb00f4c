"""/api/ beside Django: an ASGI callable around dispatch.py. asgi.py -> here.

Reading one row costs less than Django's way to a view does (decision 018), so requests go to a few
threads that keep their database connections.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from shopsite.api import keys
from shopsite.api.dispatch import answer
from shopsite.api.http import Problem, Request, Response
from shopsite.events.collect import Application, Receive, Scope, Send

THREADS: Final = 4  # connections to the database that a web process keeps for the API
MOST_WAITING: Final = 256  # requests for a thread: beyond, whoever asks is told to come back
BUSY: Final = Problem(503, "Too many requests at once. Try again.", headers={"retry-after": "1"})
GUIDE: Final = "/api/"  # the page for people, which Django shows: guide.py
SAFE: Final = {"x-content-type-options": "nosniff"}


class Api:
    """The threads of one server process, and what waits for them."""

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None
        self._connections: list[BaseDatabaseWrapper] = []
        self._waiting = 0

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request; its body is not read, since nothing here takes one."""
        request = read_request(scope)
        threads = self._pool()
        if self._waiting >= MOST_WAITING:
            response = BUSY.response()
        else:
            self._waiting += 1
            try:
                response = await asyncio.get_running_loop().run_in_executor(threads, answer, request)
            finally:
                self._waiting -= 1
        await _send(send, response, has_body=request.method != "HEAD")
        if keys.has_unnoted():
            threads.submit(keys.note_uses)

    def close(self) -> None:
        """End the threads and their connections; the next request begins anew."""
        if self._threads:
            self._threads.shutdown()
        self._threads = None
        for connection in self._connections:
            connection.inc_thread_sharing()  # its thread is gone
            connection.close()
        self._connections.clear()

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(
                THREADS, "api", initializer=lambda: self._connections.append(connections[DEFAULT_DB_ALIAS])
            )
        return self._threads


API: Final = Api()


def with_api(application: Callable[..., Awaitable[None]]) -> Application:
    """The application, with everything under /api/ answered before it, but for the page about it."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/api/") and scope["path"] != GUIDE:
            await API(scope, receive, send)
        else:
            await application(scope, receive, send)

    return routed


def read_request(scope: Scope) -> Request:
    """An ASGI scope as the endpoints know it."""
    return Request(
        method=scope["method"],
        path=(scope.get("raw_path") or scope["path"].encode()).decode("latin-1"),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
    )


async def _send(send: Send, response: Response, *, has_body: bool) -> None:
    headers = {**response.headers, **SAFE}
    if response.status not in (204, 304):
        headers["content-length"] = str(len(response.body))
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": encoded})
    await send({"type": "http.response.body", "body": response.body if has_body else b""})
