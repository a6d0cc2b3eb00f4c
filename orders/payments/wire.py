"""Ask another machine: connections that are kept, and only so many seconds. simulated.py -> here."""

import queue
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from urllib.parse import urlsplit

from orders.payments.gateway import NoAnswer

KEPT = 64  # idle connections


class Wire:
    """Connections to one server, for any number of threads."""

    def __init__(self, address: str, timeout: float) -> None:
        self.address, self._timeout = address, timeout
        self._parts = urlsplit(address)
        self._idle: queue.LifoQueue[HTTPConnection] = queue.LifoQueue(KEPT)

    def ask(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """(status, body) of the answer. Raises NoAnswer. What is asked must bear being asked twice."""
        try:
            connection = self._idle.get_nowait()
        except queue.Empty:
            return self._exchange(self._connect(), method, path, body, headers)
        try:
            return self._exchange(connection, method, path, body, headers)
        except _Stale:  # the server closed it while it lay idle
            return self._exchange(self._connect(), method, path, body, headers)

    def _exchange(
        self, connection: HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        is_kept = connection.sock is not None
        try:
            connection.request(method, self._parts.path + path, body or None, dict(headers))
            answer = connection.getresponse()
            status, told = answer.status, answer.read()
        except (OSError, HTTPException) as error:
            connection.close()
            if is_kept and isinstance(error, RemoteDisconnected | BrokenPipeError | ConnectionResetError):
                raise _Stale from error
            raise NoAnswer(f"The gateway did not answer: {error or type(error).__name__}.") from error
        try:
            self._idle.put_nowait(connection)
        except queue.Full:
            connection.close()
        return status, told

    def _connect(self) -> HTTPConnection:
        kind = HTTPSConnection if self._parts.scheme == "https" else HTTPConnection
        return kind(self._parts.hostname or "", self._parts.port, timeout=self._timeout)

    def close(self) -> None:
        """Close what lies idle."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


class _Stale(NoAnswer):
    """The connection was closed before it was used again."""
