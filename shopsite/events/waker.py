"""When to look into the outbox. outbox.wake_relay() -> here -> relay.py.

PostgreSQL tells at the commit (NOTIFY); SQLite cannot, so there the relay looks often: it costs one
read of an empty partial index.
"""

import threading
from typing import Any, Final, Protocol

import psycopg
from django.db import OperationalError, connection

from shopsite.events.outbox import CHANNEL

LISTEN_SECONDS: Final = 0.5  # between looks at the stop event, and the net for a lost notification
POLL_SECONDS: Final = 0.03


class Waker(Protocol):
    """Waits for new outbox rows."""

    def wait(self, stop: threading.Event) -> None:
        """Return when there may be something new, or after a short time."""

    def close(self) -> None:
        """Give back what it holds."""


class PollWaker:
    """Looks again after a moment."""

    def wait(self, stop: threading.Event) -> None:
        """A short pause."""
        stop.wait(POLL_SECONDS)

    def close(self) -> None:
        """Nothing to give back."""


class ListenWaker:
    """Listens on a connection of its own, outside every transaction."""

    def __init__(self) -> None:
        self._session: Any = None

    def wait(self, stop: threading.Event) -> None:
        """Return at the next notification. Raises OperationalError where the database is away."""
        if stop.is_set():
            return
        try:
            if self._session is None:
                self._session = connection.get_new_connection(connection.get_connection_params())
                self._session.autocommit = True
                self._session.execute(f"LISTEN {CHANNEL}")
                return  # what was committed before we listened is found by looking now
            for _ in self._session.notifies(timeout=LISTEN_SECONDS, stop_after=1):
                return
        except psycopg.Error as error:
            self.close()
            raise OperationalError(f"no notifications: {error}") from error

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None


def outbox_waker() -> Waker:
    """The waker that fits the database."""
    return ListenWaker() if connection.vendor == "postgresql" else PollWaker()
