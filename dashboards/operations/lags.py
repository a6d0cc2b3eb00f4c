"""What each group has still to read of each topic. events/topic_status.py, Redis -> here -> ops.py."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from dashboards.counting.store import live_keys
from dashboards.keys import partition_name
from shopsite.events.kafka import close_quietly, make_admin, make_consumer
from shopsite.events.redis import get_many, redis_client
from shopsite.events.topic_status import PartitionStatus, Places, look
from shopsite.events.topics import DEAD, TOPICS

FOLDED = "aggregate"
FAR_BEHIND = 1000  # messages: more is a backlog, not a batch on its way
KEPT_S = 3.0  # several people at the page ask Kafka no more often


@dataclass(frozen=True)
class Reader:
    """How far one group is with one topic."""

    topic: str
    group: str  # "" where nobody reads it
    partitions: int
    end: int  # messages ever written
    lag: int
    behind: Sequence[tuple[int, int]]  # (partition, lag) of those far behind, where not all are

    @property
    def is_behind(self) -> bool:
        """Whether somebody should look."""
        return self.lag > FAR_BEHIND


_known: tuple[float, list[PartitionStatus]] = (0.0, [])


def read_topics() -> tuple[list[Reader], list[str]]:
    """Topics by reader, and a sentence for each partition that is not well.

    Raises KafkaError, Unavailable or OSError where no broker answers.
    """
    global _known
    if time.monotonic() - _known[0] > KEPT_S:
        _known = (time.monotonic(), _ask())
    partitions = _known[1]
    broken = [
        _ailing(part) for part in partitions if part.leader < 0 or len(part.in_sync) < len(part.replicas)
    ]
    return _by_reader(partitions), broken


def _ailing(part: PartitionStatus) -> str:
    place = f"Partition {part.partition} of {part.topic}"
    if part.leader < 0:
        return f"{place} has no leader."
    return f"{place} has {len(part.in_sync)} of {len(part.replicas)} copies in step."


def _ask() -> list[PartitionStatus]:
    admin = make_admin(request_timeout_ms=3000)
    try:
        consumer = make_consumer(group=None)
        try:
            return look(admin, consumer, {FOLDED: _folded()})[0]
        finally:
            close_quietly(consumer)
    finally:
        close_quietly(admin)


def _folded() -> Places:
    """aggregate keeps its offsets in Redis, beside the figures; {} where Redis does not answer."""
    places = [
        (topic.name, number)
        for topic in TOPICS.values()
        if not topic.name.endswith(DEAD)
        for number in range(topic.partitions)
    ]
    try:
        client = redis_client()
        keys = live_keys(client)
        found = get_many(client, [keys.offset(partition_name(*at)) for at in places])
    except (RedisError, OSError):
        return {}  # ops.py tells of it
    return {place: int(offset) for place, offset in zip(places, found, strict=True) if offset is not None}


def _by_reader(partitions: Sequence[PartitionStatus]) -> list[Reader]:
    rows = []
    for topic in TOPICS:
        parts = [part for part in partitions if part.topic == topic]
        for group in sorted({group for part in parts for group in part.lag}) or [""]:
            lags = [(part.partition, part.lag.get(group, 0)) for part in parts]
            behind = [(number, lag) for number, lag in lags if lag > FAR_BEHIND]
            rows.append(
                Reader(
                    topic=topic,
                    group=group,
                    partitions=len(parts),
                    end=sum(part.end for part in parts),
                    lag=sum(lag for _, lag in lags),
                    behind=behind if len(behind) < len(parts) else [],
                )
            )
    return rows
