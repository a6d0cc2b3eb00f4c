"""Clicks into Kafka, and the answer when they are there, without holding up a server. collect.py -> here.

kafka-python works in threads; here its acknowledgements come back to the event loop that waits.
"""

import asyncio
import threading
import time
from collections import deque
from typing import Any, Final

from kafka.errors import KafkaError

from shopsite.events.kafka import shared_producer
from shopsite.events.schemas import Click, Unavailable, encode
from shopsite.events.topics import topic_name

ANSWER_SECONDS: Final = 5.0  # a browser waits no longer
MOST_WAITING: Final = 20_000  # clicks that Kafka has not acknowledged: the producer's buffer has no bound
TRY_AGAIN_SECONDS: Final = 2.0  # after Kafka did not answer

_ready: set[tuple[int, str]] = set()  # producers that know their topic, so that send() does not block
_waiting: deque[tuple[float, Any]] = deque()  # seconds on our clock, future
_away_until = 0.0


class _Acks:
    """Waits for all acknowledgements of one batch."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._left = count
        self._lock = threading.Lock()
        self.done: asyncio.Future[None] = self._loop.create_future()

    def one(self, _answer: object) -> None:
        """One is there. Called by the producer's thread."""
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last:
            self._tell(None)

    def failed(self, error: BaseException) -> None:
        """One is refused. Called by the producer's thread."""
        self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, error: BaseException | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(None)
        else:
            self.done.set_exception(Unavailable(f"Kafka refused a click: {error}"))


async def deliver(clicks: list[Click]) -> None:
    """Send clicks and return when Kafka has them all. Raises Unavailable after ANSWER_SECONDS."""
    ...
