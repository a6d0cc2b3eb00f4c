"""Look an order's events and its visit's clicks up in Kafka itself. The way's page -> here -> the log.

Nothing in the database is as large as the log, so the place of each event is not kept for ever: its key
gives the partition, its time the offset to begin at (decision 023). Asked when the page is there already,
in a thread of its own, for WITHIN_S at most.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from kafka.partitioner import murmur2

from shopsite.events.inbox import header, position
from shopsite.events.kafka import close_quietly, make_consumer
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import topic_name

WITHIN_S: Final = 2.0
LOOKERS: Final = 2  # at once in a process: more would wait for Kafka than read
BEFORE: Final = timedelta(seconds=2)  # clocks of two machines
MAX_SHOWN: Final = 100
MAX_READ: Final = 20_000  # records behind the place where one should be


@dataclass(frozen=True)
class Wanted:
    """Messages of one key: those with these ids, or of this visit, from a time on."""

    topic: str  # the logical name
    key: str
    times: Sequence[datetime]  # look behind each
    until: datetime | None = None  # by the record's own time
    ids: frozenset[str] = frozenset()  # stop when all are found
    session: str = ""


@dataclass(frozen=True)
class Seen:
    """A message as it stands in the log."""

    at: datetime  # when Kafka took it
    place: str  # topic:partition:offset
    type: str
    event_id: str
    detail: str


@dataclass
class Answer:
    """What was found, and what kept it from being all."""

    events: list[Seen] = field(default_factory=list)
    clicks: list[Seen] = field(default_factory=list)
    trouble: str = ""


def look(events: Wanted | None, clicks: Wanted | None) -> Answer:
    """Find both, within WITHIN_S; never raises: what is wrong is said in `trouble`."""
    answer = Answer()
    asked = _pool().submit(_fill, answer, events, clicks, time.monotonic() + WITHIN_S)
    try:
        asked.result(timeout=WITHIN_S + 0.2)
    except TookTooLong:
        asked.cancel()
        answer.trouble = f"Kafka did not answer within {WITHIN_S:g} seconds. Try again in a minute."
    except (Unavailable, KafkaError, OSError) as error:
        answer.trouble = f"Kafka cannot be asked now: {error}."
    return answer


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=LOOKERS, thread_name_prefix="way-log")


def _fill(answer: Answer, events: Wanted | None, clicks: Wanted | None, deadline: float) -> None:
    consumer = make_consumer(group=None, max_poll_records=2_000, fetch_max_wait_ms=100)
    try:
        for wanted, found in ((events, answer.events), (clicks, answer.clicks)):
            if wanted is not None and wanted.times:
                if not _search(consumer, wanted, found, deadline):
                    answer.trouble = (
                        f"There was more in the log than could be read in {WITHIN_S:g} seconds: this may "
                        "not be all."
                    )
                found.sort(key=lambda seen: seen.at)
    finally:
        close_quietly(consumer)


def _search(consumer: KafkaConsumer, wanted: Wanted, found: list[Seen], deadline: float) -> bool:
    """Add what is wanted to `found`; whether the search came to its end."""
    partitions = sorted(consumer.partitions_for_topic(topic_name(wanted.topic)) or ())
    if not partitions:
        raise Unavailable(f"there is no topic {topic_name(wanted.topic)}")
    number = partitions[(murmur2(wanted.key.encode()) & 0x7FFFFFFF) % len(partitions)]
    place = TopicPartition(topic_name(wanted.topic), number)
    consumer.assign([place])
    missing, reached, is_whole = set(wanted.ids), 0, True
    for at in sorted(wanted.times):
        start = _offset(consumer, place, at - BEFORE)
        if start is None or (wanted.ids and not missing):
            break
        consumer.seek(place, max(start, reached))
        for record in _records(consumer, place, deadline):
            reached = record.offset + 1
            if wanted.until and record.timestamp > wanted.until.timestamp() * 1000:
                break
            if seen := _seen(record, wanted):
                found.append(seen)
                missing.discard(seen.event_id)
            if (wanted.ids and not missing) or len(found) >= MAX_SHOWN:
                break
        is_whole = is_whole and time.monotonic() < deadline
    return is_whole


def _offset(consumer: KafkaConsumer, place: TopicPartition, at: datetime) -> int | None:
    """The first offset at or after a time; None where nothing is."""
    answer = consumer.offsets_for_times({place: int(at.timestamp() * 1000)})
    found = answer.get(place)
    return None if found is None else int(found.offset)


def _records(consumer: KafkaConsumer, place: TopicPartition, deadline: float) -> Iterator[Any]:
    """Records from the consumer's position to the log's end, MAX_READ or the deadline."""
    end = consumer.end_offsets([place])[place]
    read = 0
    while read < MAX_READ and consumer.position(place) < end and time.monotonic() < deadline:
        records = consumer.poll(timeout_ms=200).get(place, [])
        read += len(records)
        yield from records


def _seen(record: Any, wanted: Wanted) -> Seen | None:  # noqa: ANN401 - kafka-python has no types
    if record.key is None or record.key.decode("utf-8", "replace") != wanted.key or not record.value:
        return None
    try:
        told = msgspec.json.decode(record.value)
    except msgspec.DecodeError:
        told = {}
    told = told if isinstance(told, dict) else {}
    event_id = str(told.get("event_id") or header(record.headers, "event_id"))
    is_wanted = event_id in wanted.ids if wanted.ids else told.get("session_id") == wanted.session
    return _as_seen(record, told, wanted.topic, event_id) if is_wanted else None


def _as_seen(record: Any, told: Mapping[str, Any], topic: str, event_id: str) -> Seen:  # noqa: ANN401
    facts = ("path", "product_id", "referrer", "campaign", "search") if topic == "clicks" else ("status",)
    return Seen(
        at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
        place=position(topic, record.partition, record.offset),
        type=str(told.get("type") or ("view_item" if topic == "clicks" else "order_placed")),
        event_id=event_id,
        detail=" · ".join(str(told[fact]) for fact in facts if told.get(fact)),
    )
