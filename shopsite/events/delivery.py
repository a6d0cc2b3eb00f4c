"""Clicks into Kafka, and the answer when they are there, without holding up a server. collect.py -> here.

kafka-python works in threads; here its acknowledgements come back to the event loop that waits.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from kafka import KafkaProducer
from kafka.errors import KafkaError

from shopsite.events.kafka import shared_producer
from shopsite.events.schemas import Click, Unavailable, encode
from shopsite.events.topics import topic_name

ANSWER_SECONDS: Final = 5.0  # a browser waits no longer
MOST_WAITING: Final = 20_000  # clicks that Kafka has not acknowledged: the producer's buffer has no bound

_known: dict[str, KafkaProducer] = {}  # topic -> the producer that knows its partitions: send() won't block
_waiting: deque[tuple[float, Any]] = deque()  # seconds on our clock, future; oldest first


class Unanswered(Unavailable):
    """The clicks are handed over, but Kafka has not said in time that it has them: it may, later."""

    def __init__(self, later: "asyncio.Future[None]") -> None:
        super().__init__("Kafka does not answer in time")
        self.later = later  # done when it does


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


async def deliver(clicks: Sequence[Click]) -> None:
    """Send clicks and return when Kafka has them all.

    Raises Unavailable where nothing was handed over, Unanswered where the answer takes too long.
    """
    topic = topic_name("clicks")
    producer = await _producer(topic)
    _check_answers()
    acks = _Acks(len(clicks))
    for click in clicks:
        try:
            future = producer.send(topic, value=encode(click), key=click.user_id.encode())
        except (KafkaError, ValueError) as error:
            raise Unavailable(f"Kafka takes no clicks: {error}") from error
        _waiting.append((time.monotonic(), future))
        future.add_callback(acks.one)
        future.add_errback(acks.failed)
    await asyncio.wait([acks.done], timeout=ANSWER_SECONDS)
    if not acks.done.done():
        raise Unanswered(acks.done)
    acks.done.result()


async def _producer(topic: str) -> KafkaProducer:
    """The process's producer, once it knows the topic; finding that out blocks, so a thread does it."""
    known = _known.get(topic)
    return known if known is not None else await asyncio.to_thread(_connect, topic)


def _connect(topic: str) -> KafkaProducer:
    producer = shared_producer()
    try:
        producer.partitions_for(topic)
    except KafkaError as error:
        raise Unavailable(f"Kafka does not answer: {error}") from error
    _known[topic] = producer
    return producer


def _check_answers() -> None:
    """Raises Unavailable where clicks wait for their acknowledgement too long, or too many do."""
    while _waiting and _waiting[0][1].is_done:
        _waiting.popleft()
    if _waiting and (len(_waiting) > MOST_WAITING or time.monotonic() - _waiting[0][0] > ANSWER_SECONDS):
        raise Unavailable(f"{len(_waiting)} clicks wait for Kafka")


def forget() -> None:
    """Know nothing of the producer any more, after it was closed."""
    _known.clear()
    _waiting.clear()
