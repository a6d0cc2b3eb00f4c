"""The thread that brings one process's clicks to Kafka. clicks.emit() -> here -> Kafka, or spool.py.

While Kafka is away clicks go to the spool, and from there to Kafka when it is back, in order: while
anything older waits on disk, new clicks queue up behind it there.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError, RetriableError

from shopsite.events.kafka import close_quietly, make_producer
from shopsite.events.schemas import Click, Unavailable, encode
from shopsite.events.spool import Claimed, Message, Spool

log = logging.getLogger(__name__)
MAX_BUFFERED: Final = 20_000  # clicks in memory that the thread has not taken yet
MAX_IN_FLIGHT: Final = 10_000  # the producer's own buffer has no bound
AWAY_SECONDS: Final = 2.0  # without an acknowledgement for so long, what comes next is spooled
WEDGED_SECONDS: Final = 120.0  # then the producer is replaced; a click in flight may arrive twice
RETRY_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 10.0  # for what another process left in the spool when it died
TAKE: Final = 1_000  # clicks a step
IDLE_SECONDS: Final = 1.0
BUSY_SECONDS: Final = 0.02
TELL_SECONDS: Final = 10.0
TEXT_LIMITS: Final = {
    "path": 2048,
    "referrer": 2048,
    "campaign": 200,
    "device": 200,
    "search": 200,
    "site": 200,
}


class ClickSender:
    """One process's clicks on their way to Kafka."""

    def __init__(self, spool: Spool, topic: str, *, connected: Callable[[], None]) -> None:
        self.sent = self.spooled = self.overrun = 0
        self._spool, self._topic, self._connected = spool, topic, connected
        self._buffer: deque[Click | threading.Event] = deque()  # an event is set when all before it is safe
        self._flushes: list[threading.Event] = []
        self._producer: KafkaProducer | None = None
        self._retry_at = 0.0
        self._in_flight: deque[tuple[float, Message, Any]] = deque()  # epoch seconds sent, what, future
        self._claimed: Claimed | None = None
        self._backlog = not spool.empty()  # left by an earlier process
        self._looked_at = time.monotonic()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._deadline = 0.0
        self._told_at = -TELL_SECONDS
        self._told_dropped = 0
        self._thread = threading.Thread(target=self._run, name="clicks", daemon=True)
        self._thread.start()

    def emit(self, click: Click) -> None:
        """Take a click. Never blocks; past MAX_BUFFERED it is dropped and counted."""
        if len(self._buffer) >= MAX_BUFFERED:
            self.overrun += 1
            return
        self._buffer.append(click)
        if not self._wake.is_set():
            self._wake.set()

    @property
    def dropped(self) -> int:
        """Clicks that were lost for want of room, since the process began."""
        return self.overrun + self._spool.dropped

    def stats(self) -> dict[str, int]:
        """Figures for the heartbeat."""
        return {
            "clicks_buffered": len(self._buffer),
            "clicks_in_flight": len(self._in_flight),
            "clicks_sent": self.sent,
            "clicks_spooled": self.spooled,
            "clicks_spool_bytes": self._spool.size(),
            "clicks_dropped": self.dropped,
        }

    def flush(self, timeout: float) -> bool:
        """Wait until every click given so far is in Kafka, or on disk; whether that was in time."""
        safe = threading.Event()
        self._buffer.append(safe)
        self._wake.set()
        return safe.wait(timeout)

    def close(self, timeout: float) -> None:
        """Send what can be sent within the timeout (seconds), spool the rest, end the thread."""
        self._deadline = time.monotonic() + timeout
        self._stop.set()
        self._wake.set()
        self._thread.join(timeout + RETRY_SECONDS)

    # --- the thread ---------------------------------------------------------------------------
    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._step()
            except Exception:
                log.exception("clicks: a step failed; the next one goes on")
                self._stop.wait(RETRY_SECONDS)
        try:
            self._finish()
        except Exception:
            log.exception("clicks: %d could not be kept at the end", len(self._in_flight))

    def _step(self) -> None:
        self._collect()
        if self._producer is None and time.monotonic() >= self._retry_at:
            self._connect()
        self._move()
        self._resend()
        self._tell_losses()
        busy = bool(self._in_flight) or self._claimed is not None
        if self._buffer:
            return
        self._wake.clear()
        if not self._buffer:  # a click may have come between the look and the clearing
            self._wake.wait(BUSY_SECONDS if busy else IDLE_SECONDS)

    def _connect(self) -> None:
        try:
            self._producer = make_producer(max_block_ms=1_000, bootstrap_timeout_ms=1_000)
            self._producer.partitions_for(self._topic)  # so that send() finds its metadata at hand
            self._connected()
        except (Unavailable, KafkaError) as error:
            self._drop_producer()
            self._say("clicks wait on disk: %s", error)

    def _drop_producer(self) -> None:
        if self._producer is not None:
            close_quietly(self._producer, timeout=0)
            self._producer = None
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _collect(self) -> None:
        """Forget what is acknowledged; replace a producer that is wedged."""
        waiting = self._in_flight
        while waiting and waiting[0][2].is_done:
            _, message, future = waiting.popleft()
            if future.failed():
                self._refused(message, future.exception)
            else:
                self.sent += 1
        if waiting and time.time() - waiting[0][0] > WEDGED_SECONDS:
            log.warning("clicks: no acknowledgement for %.0f s: a new producer", WEDGED_SECONDS)
            self._spool_in_flight()
            self._drop_producer()
        if self._claimed is not None and not waiting:
            self._claimed.finish()
            self._claimed = None
        if not waiting:
            self._all_safe()

    def _all_safe(self) -> None:
        for safe in self._flushes:
            safe.set()
        self._flushes.clear()

    def _refused(self, message: Message, error: BaseException) -> None:
        if isinstance(error, RetriableError):
            self._keep([message])
        else:
            self.overrun += 1
            self._say("Kafka refused a click for good: %s", error)

    def _move(self) -> None:
        """Take clicks from memory: to Kafka, or to the spool while anything older is not in Kafka."""
        messages = []
        for _ in range(min(TAKE, len(self._buffer))):
            taken = self._buffer.popleft()
            if isinstance(taken, threading.Event):
                self._flushes.append(taken)
            else:
                messages.append(_message(taken))
        if messages and (self._away() or self._backlog):
            self._keep(messages)
        elif messages:
            self._send(messages)

    def _away(self) -> bool:
        waiting = self._in_flight
        late = bool(waiting) and time.time() - waiting[0][0] > AWAY_SECONDS
        return self._producer is None or late or len(waiting) >= MAX_IN_FLIGHT

    def _send(self, messages: list[Message]) -> None:
        for number, message in enumerate(messages):
            try:
                self._send_one(message)
            except (KafkaError, ValueError) as error:
                self._say("clicks go to disk: %s", error)
                self._keep(messages[number:])
                return

    def _send_one(self, message: Message) -> None:
        if self._producer is None:
            raise Unavailable("no producer")
        future = self._producer.send(self._topic, value=message[1], key=message[0].encode())
        self._in_flight.append((time.time(), message, future))

    def _keep(self, messages: list[Message], since: float | None = None) -> None:
        try:
            self._spool.append(messages, since=since)
        except OSError as error:
            self.overrun += len(messages)
            self._say("clicks are lost, the disk does not take them: %s", error)
            return
        self.spooled += len(messages)
        self._backlog = True

    def _resend(self) -> None:
        """Bring the next segment of the spool to Kafka, once what was sent before it is there."""
        if self._claimed is not None or self._in_flight or self._producer is None:
            return
        now = time.monotonic()
        if not self._backlog and now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        claimed = self._spool.claim()
        self._backlog = claimed is not None
        if claimed is None:
            return
        try:
            for message in claimed.messages:
                self._send_one(message)
        except (KafkaError, Unavailable) as error:
            claimed.give_back()  # all of it again: twice is better than never
            self._say("the spool waits: %s", error)
        else:
            self._claimed = claimed

    def _spool_in_flight(self) -> None:
        """Write what was sent and never acknowledged to the spool, before what is there already."""
        if self._claimed is not None:
            self._claimed.give_back()
            self._claimed = None
            self._backlog = True
        elif self._in_flight:
            self._keep([message for _, message, _ in self._in_flight], since=self._in_flight[0][0])
        self._in_flight.clear()

    def _finish(self) -> None:
        while self._buffer:
            self._move()
        while self._in_flight and time.monotonic() < self._deadline:
            time.sleep(BUSY_SECONDS)
            self._collect()
        self._spool_in_flight()
        self._spool.close_segment()
        self._all_safe()
        self._tell_losses()
        self._drop_producer()

    # --- telling ------------------------------------------------------------------------------
    def _tell_losses(self) -> None:
        if self.dropped != self._told_dropped and self._say("%d clicks lost for want of room", self.dropped):
            self._told_dropped = self.dropped

    def _say(self, message: str, *args: object) -> bool:
        """Log at most every ten seconds: an outage is one story, not a line per click."""
        now = time.monotonic()
        if now - self._told_at < TELL_SECONDS:
            return False
        self._told_at = now
        log.warning(message, *args)
        return True


def _message(click: Click) -> Message:
    """Key and value; what a browser sent too long is cut, for nobody would read the message otherwise."""
    for name, limit in TEXT_LIMITS.items():
        text = getattr(click, name)
        if text is not None and len(text) > limit:
            click = msgspec.structs.replace(click, **{name: text[:limit]})
    return click.user_id, encode(click)
