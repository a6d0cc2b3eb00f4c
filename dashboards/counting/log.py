"""Read a partition of the log by offset, apart from any consumer group. Kafka -> here -> audit, rebuild."""

import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from kafka import TopicPartition
from kafka.errors import KafkaError

from shopsite.events.deadletters import ORIGIN_HEADER
from shopsite.events.inbox import header
from shopsite.events.kafka import close_quietly, make_consumer
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import DEAD, topic_name

BATCH = 5_000  # records
SILENCE_S = 30.0  # without an answer, the log can't be read


class LogReader:
    """The log as it is. Raises Unavailable where Kafka does not answer."""

    def __enter__(self) -> Self:
        self._consumer = make_consumer(group=None, lean=True, max_poll_records=BATCH)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        close_quietly(self._consumer)

    def partitions(self, topic: str) -> list[int]:
        """The numbers of a topic's partitions."""
        found = self._consumer.partitions_for_topic(topic_name(topic))
        if found is None:
            raise Unavailable(f"Kafka has no topic {topic_name(topic)}: `manage.py topics create` makes it")
        return sorted(found)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is there, and the next one to be written."""
        place = TopicPartition(topic_name(topic), partition)
        try:
            starts, ends = self._consumer.beginning_offsets([place]), self._consumer.end_offsets([place])
        except KafkaError as error:
            raise Unavailable(f"Kafka does not tell the bounds of {place.topic}: {error}") from error
        return starts[place], ends[place]

    def read(self, topic: str, partition: int, first: int, until: int) -> Iterator[list[Any]]:
        """The records with offsets in [first, until), in lists as they come."""
        place = TopicPartition(topic_name(topic), partition)
        self._consumer.assign([place])
        self._consumer.seek(place, first)
        silent_since = time.monotonic()
        while (reached := self._consumer.position(place)) < until:
            records = self._consumer.poll(timeout_ms=500).get(place, [])
            if records:
                yield [record for record in records if record.offset < until]
            if self._consumer.position(place) > reached:
                silent_since = time.monotonic()
            elif time.monotonic() - silent_since > SILENCE_S:
                raise Unavailable(f"{place.topic}-{partition} can't be read beyond offset {reached}")


def set_aside(log: LogReader, topic: str) -> set[str]:
    """Where the dead letters of a topic come from, as "topic:partition:offset".

    What could not be read once stays out for ever, also where it could be read later (a time that was
    ahead): so the log counted again gives what it gave at first.
    """
    return {
        header(record.headers, ORIGIN_HEADER)
        for partition in log.partitions(topic + DEAD)
        for records in log.read(topic + DEAD, partition, *log.bounds(topic + DEAD, partition))
        for record in records
    }
