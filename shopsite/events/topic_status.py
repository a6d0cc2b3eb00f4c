"""How the topics are: leaders, replicas, offsets, lags. Kafka and the database -> here -> `topics`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import msgspec
from django.conf import settings
from kafka import KafkaConsumer
from kafka.admin import KafkaAdminClient
from kafka.structs import TopicPartition

from shopsite.events.consume import GROUP
from shopsite.events.models import StoredOffset
from shopsite.events.topics import TOPICS, logical_name, topic_name

Places = Mapping[tuple[str, int], int]  # (logical topic, partition) -> next offset


@dataclass(frozen=True)
class PartitionStatus:
    """One partition of one of our topics."""

    topic: str  # the logical name
    partition: int
    leader: int  # the broker's id; -1 where there is none
    replicas: list[int]
    in_sync: list[int]
    start: int  # the oldest offset that is kept
    end: int  # the next offset to be written
    lag: dict[str, int]  # by reader: messages that it has not processed

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


@dataclass(frozen=True)
class Tailed:
    """One message, as it is shown."""

    topic: str
    partition: int
    offset: int
    at_ms: int  # when it was sent
    key: str
    value: str
    headers: dict[str, str]


def look(
    admin: KafkaAdminClient, consumer: KafkaConsumer, readers: Mapping[str, Places]
) -> tuple[list[PartitionStatus], list[str]]:
    """Every partition of our topics, and the logical names of topics that are missing.

    readers: who keeps its offsets outside Kafka, and which.
    """
    there = {topic["name"]: topic for topic in admin.describe_topics()}
    names = {name: topic_name(name) for name in TOPICS}
    missing = [name for name, full in names.items() if full not in there]
    places = [
        TopicPartition(full, part["partition_index"])
        for full in names.values()
        if full in there
        for part in there[full]["partitions"]
    ]
    starts, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
    groups = {**_groups(admin), GROUP: _consumed(), **readers}
    found = []
    for place in sorted(places, key=lambda place: (list(names.values()).index(place.topic), place.partition)):
        (part,) = (p for p in there[place.topic]["partitions"] if p["partition_index"] == place.partition)
        name = logical_name(place.topic)
        found.append(
            PartitionStatus(
                topic=name,
                partition=place.partition,
                leader=part["leader_id"],
                replicas=part["replica_nodes"],
                in_sync=part["isr_nodes"],
                start=starts[place],
                end=ends[place],
                lag=_lags(groups, name, place.partition, starts[place], ends[place]),
            )
        )
    return found, missing


def tail(consumer: KafkaConsumer, topic: str, count: int) -> Iterator[Tailed | None]:
    """The last `count` messages of each partition, oldest first, then what comes, None while nothing does.

    Raises KeyError for a topic that is not in the table.
    """
    full = topic_name(topic)
    places = [TopicPartition(full, number) for number in sorted(consumer.partitions_for_topic(full) or ())]
    consumer.assign(places)
    starts, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
    for place in places:
        consumer.seek(place, max(starts[place], ends[place] - count))
    waiting = {
        place: ends[place] for place in places if ends[place] > max(starts[place], ends[place] - count)
    }
    old: list[Any] = []
    while waiting:
        for place, records in consumer.poll(timeout_ms=500).items():
            old.extend(records)
            if consumer.position(place) >= waiting.get(place, 0):
                waiting.pop(place, None)
    yield from (_tailed(record) for record in sorted(old, key=lambda record: record.timestamp))
    while True:
        fresh = [record for records in consumer.poll(timeout_ms=500).values() for record in records]
        yield from (_tailed(record) for record in fresh)
        if not fresh:
            yield None


def _tailed(record: Any) -> Tailed:  # noqa: ANN401 - kafka-python's record
    return Tailed(
        topic=logical_name(record.topic),
        partition=record.partition,
        offset=record.offset,
        at_ms=record.timestamp,
        key=printable(record.key),
        value=printable(record.value) if record.value is not None else "(null)",
        headers={name: printable(value) for name, value in record.headers or ()},
    )


def printable(data: bytes | None) -> str:
    """Text that a terminal may show: whatever is not printable is replaced."""
    text = (data or b"").decode("utf-8", "replace")
    return "".join(char if char.isprintable() or char == "\n" else "\ufffd" for char in text)


def _consumed() -> Places:
    rows = StoredOffset.objects.filter(group=GROUP).values_list("topic", "partition", "next_offset")
    return {(topic, partition): offset for topic, partition, offset in rows}


def _groups(admin: KafkaAdminClient) -> dict[str, Places]:
    """What other groups have committed to Kafka on our topics, without our prefix in their names."""
    ids = [group["group_id"] for group in admin.list_groups()]
    committed = admin.list_group_offsets(ids) if ids else {}
    ours = {topic_name(name) for name in TOPICS}
    found: dict[str, Places] = {}
    for group, offsets in committed.items():
        places = {
            (logical_name(place.topic), place.partition): cast("int", offset.offset)
            for place, offset in offsets.items()
            if place.topic in ours and offset.offset >= 0
        }
        if places:
            found[group.removeprefix(settings.TOPIC_PREFIX)] = places
    return found


def _lags(groups: Mapping[str, Places], topic: str, partition: int, start: int, end: int) -> dict[str, int]:
    return {
        group: max(0, end - max(start, places[topic, partition]))
        for group, places in sorted(groups.items())
        if (topic, partition) in places
    }


def as_json(value: object) -> str:
    """One line of JSON."""
    return msgspec.json.encode(value).decode()
