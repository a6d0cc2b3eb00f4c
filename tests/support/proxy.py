"""A way to Redis that loses answers: what was asked has happened, and nobody learns of it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Proxy:
    """Forwards bytes both ways; the answer to each n-th script is read from Redis, and the connection cut."""

    def __init__(self, url: str, every: int) -> None:
        target = urlsplit(url)
        self._target = (str(target.hostname), int(target.port or 6379))
        self._every, self._scripts = every, 0
        self.cut = 0  # answers that were lost
        self._lock = threading.Lock()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._server.getsockname()[1]}/0"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), client, socket.create_connection(self._target) as server:
            muted, answered = threading.Event(), threading.Event()
            threading.Thread(target=_answer, args=[server, client, muted, answered], daemon=True).start()
            while data := client.recv(1 << 20):
                if b"EVALSHA" in data and self._is_due():
                    muted.set()
                server.sendall(data)
                if muted.is_set():
                    self._lose(client, server, answered)
                    return

    def _is_due(self) -> bool:
        with self._lock:
            self._scripts += 1
            return self._scripts % self._every == 0

    def _lose(self, client: socket.socket, server: socket.socket, answered: threading.Event) -> None:
        """Hand on the rest of the command, until Redis has answered; then hang up."""
        client.settimeout(0.02)
        while not answered.is_set():
            with suppress(TimeoutError):
                server.sendall(client.recv(1 << 20))
        with self._lock:
            self.cut += 1
        client.shutdown(socket.SHUT_RDWR)


def _answer(
    server: socket.socket, client: socket.socket, muted: threading.Event, answered: threading.Event
) -> None:
    with suppress(OSError):
        while data := server.recv(1 << 20):
            if muted.is_set():
                answered.set()
                return
            client.sendall(data)


@contextmanager
def losing_answers(url: str, *, every: int) -> Iterator[Proxy]:
    """A proxy to the Redis at this address, until the block ends."""
    proxy = Proxy(url, every)
    try:
        yield proxy
    finally:
        proxy.close()
