"""What a handler is given, and what a topic's way is. consume -> InboxEvent -> Received -> Route.handle."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shopsite.events.schemas import Event

SEQ_HEADER = "seq"  # the relay's number: the mark of our own events
EVENT_ID_HEADER = "event_id"
RECORDING_HEADER = "recording"  # sent from a recording: digest, run, number in the run


@dataclass(frozen=True)
class Received:
    """One message of a topic, readable, with where it stands in the log."""

    topic: str  # the logical name
    partition: int
    offset: int
    key: str
    event: Event
    event_id: str

    @property
    def origin(self) -> str:
        """Where it stands in the log, as text."""
        return position(self.topic, self.partition, self.offset)


class Reader(Protocol):
    """One of schemas.read_*."""

    def __call__(self, value: bytes | None, *, origin: str, now: datetime) -> Event:
        """The event in a message; origin: its event_id where it has none. Raises PoisonEvent."""


Headers = Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True)
class Route:
    """The way of one topic's messages, as pipeline.py lists them."""

    topic: str  # the logical name
    read: Reader
    wanted: Callable[[bytes | None, Headers], bool]  # others are skipped; may raise PoisonEvent
    key: Callable[[Event], str]  # what must be processed in order
    # Called in the drain's transaction with rows in the order of their offset; all of them or none.
    handle: Callable[[Sequence[Received]], None]


def position(topic: str, partition: int, offset: int) -> str:
    """A place in the log as text: what a message without an event_id is known by."""
    return f"{topic}:{partition}:{offset}"


def header(headers: Iterable[tuple[str, bytes | None]] | None, name: str) -> str:
    """A Kafka header as text, "" where there is none."""
    for key, value in headers or ():
        if key == name and value is not None:
            return value.decode("utf-8", "replace")
    return ""


def is_own(headers: Iterable[tuple[str, bytes | None]] | None) -> bool:
    """Whether the relay numbered the message: then it is an event of this shop."""
    return header(headers, SEQ_HEADER) != ""


def fallback_event_id(
    topic: str, partition: int, offset: int, headers: Iterable[tuple[str, bytes | None]] | None
) -> str:
    """The event_id of a message that carries none in its value.

    The header comes first: a dead letter that is sent again keeps the id that it had at first, so
    sending it twice changes nothing.
    """
    named = header(headers, EVENT_ID_HEADER)
    return named if 0 < len(named) <= 128 and "\0" not in named else position(topic, partition, offset)
