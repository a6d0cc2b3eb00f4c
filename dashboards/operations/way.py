"""The way of an event in boxes, from the shop to screens and Celery. Beats, topics -> here -> ops.py."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.operations.lags import FOLDED, Reader
from dashboards.operations.words import per_second, span
from shopsite.events.consume import GROUP

Beat = Mapping[str, Any]
WAIT_LIMIT_S = 60.0  # a row that waits longer for relay or worker is stuck


@dataclass(frozen=True)
class Step:
    """One box. sick: somebody should look."""

    name: str
    figure: str
    small: str = ""
    sick: bool = False


@dataclass(frozen=True)
class Lane:
    """What one kind of event goes through, in order."""

    name: str
    steps: Sequence[Step]


@dataclass(frozen=True)
class Waiting:
    """What waits in the outbox or the inbox."""

    count: int
    oldest: float  # seconds


@dataclass(frozen=True)
class Stores:
    """What other parts of the page have found."""

    outbox: Waiting
    inbox: Waiting
    redis: str  # memory, in words
    redis_of: str
    delay: float | None  # from an event to its figure, 95 of 100 below, seconds


def lanes(beats: Sequence[Beat], readers: Sequence[Reader], stores: Stores) -> list[Lane]:
    """Both ways. Without beats or topics their boxes say that nothing is known."""
    return [
        Lane(
            "Clicks",
            [
                _shop(beats),
                _topic("clicks", FOLDED, readers),
                _process(
                    "aggregate", "folded", beats, "" if stores.delay is None else f"{span(stores.delay)} p95"
                ),
                Step("Redis", stores.redis, stores.redis_of),
                Step(
                    "Hub",
                    f"{_rate(beats, 'web', 'frames')} frames/s",
                    _in_all(beats, "web", "server process"),
                ),
                Step("Screens", _sum(beats, "web", "viewers"), "open now"),
            ],
        ),
        Lane(
            "Orders",
            [
                _queue("Outbox", stores.outbox),
                _process("relay", "published", beats, "to Kafka"),
                _topic("orders", GROUP, readers),
                _process("consume", "read", beats, _partitions(beats)),
                _queue("Inbox", stores.inbox),
                _process("worker", "tasks", beats, f"{_sum(beats, 'worker', 'running')} running", "Celery"),
            ],
        ),
    ]


def rate_of(beat: Beat, count: str) -> float | None:
    """How much of a count a process does a second; None before it has been counted twice."""
    found = beat.get("rates", {}).get(count)
    return None if found is None else float(found)


def _shop(beats: Sequence[Beat]) -> Step:
    late = max((int(beat.get("loop_late_ms", 0)) for beat in _named(beats, "web")), default=None)
    small = "" if late is None else f"{late} ms late"
    return Step(
        "Shop", f"{_rate(beats, 'web', 'requests')} requests/s", small, sick=not _is_there(beats, "web")
    )


def _queue(name: str, waiting: Waiting) -> Step:
    small = f"oldest {span(waiting.oldest)}" if waiting.count else "nothing is late"
    return Step(name, f"{waiting.count:,} waiting", small, sick=waiting.oldest > WAIT_LIMIT_S)


def _process(name: str, count: str, beats: Sequence[Beat], small: str, title: str = "") -> Step:
    there = _is_there(beats, name)
    figure = f"{_rate(beats, name, count)} /s" if there else "gone"
    return Step(title or name.capitalize(), figure, small if there else "", sick=not there)


def _topic(topic: str, group: str, readers: Iterable[Reader]) -> Step:
    name = f"Topic {topic}"
    for reader in readers:
        if (reader.topic, reader.group) == (topic, group):
            small = "" if reader.rate is None else f"{per_second(reader.rate)} /s in"
            return Step(name, f"{reader.lag:,} behind", small, sick=reader.is_behind)
    return Step(name, "–", "")


def _named(beats: Iterable[Beat], name: str) -> list[Beat]:
    return [beat for beat in beats if beat["name"] == name]


def _is_there(beats: Sequence[Beat], name: str) -> bool:
    return bool(_named(beats, name)) or not beats  # without any, Redis is away: nothing is known


def _rate(beats: Sequence[Beat], name: str, count: str) -> str:
    rates = [rate for beat in _named(beats, name) if (rate := rate_of(beat, count)) is not None]
    return per_second(sum(rates) if rates else None)


def _sum(beats: Sequence[Beat], name: str, figure: str) -> str:
    found = [int(beat[figure]) for beat in _named(beats, name) if figure in beat]
    return f"{sum(found):,}" if found else "–"


def _in_all(beats: Sequence[Beat], name: str, words: str) -> str:
    count = len(_named(beats, name))
    return f"{count} {words}{'' if count == 1 else 'es'}" if count else ""


def _partitions(beats: Sequence[Beat]) -> str:
    return f"{_sum(beats, 'consume', 'partitions')} partitions"
