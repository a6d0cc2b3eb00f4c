"""What each group has still to read of each topic. events/topic_status.py, Redis -> here -> ops.py."""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError

from dashboards.counting.store import live_keys
from dashboards.keys import partition_name
from dashboards.operations.words import per_second
from shopsite.events.kafka import close_quietly, make_admin, make_consumer
from shopsite.events.redis import get_many, redis_client
from shopsite.events.topic_status import PartitionStatus, Places, look
from shopsite.events.topics import DEAD, TOPICS

FOLDED = "aggregate"
FAR_BEHIND = 1000  # messages: more is a backlog, not a batch on its way
KEPT_S = 3.0  # several people at the page ask Kafka no more often
RATE_S = 60.0
LOOKS = 200  # that are remembered: ten minutes of a page that stays open


@dataclass(frozen=True)
class Place:
    """How far one group is with one partition."""

    partition: int
    start: int  # the oldest offset that is kept
    end: int  # the next offset to be written
    leader: int
    copies: str  # "2 of 3": in step
    lag: int

    @property
    def is_behind(self) -> bool:
        """Whether somebody should look."""
        return self.lag > FAR_BEHIND


@dataclass(frozen=True)
class Reader:
    """How far one group is with one topic."""

    topic: str
    group: str  # "" where nobody reads it
    places: Sequence[Place]
    rate: float | None  # messages a second that were written in the last minute; None: not known yet
    lags: Sequence[int]  # at each look that is remembered, oldest first

    @property
    def in_a_second(self) -> str:
        """The rate in words."""
        return per_second(self.rate)

    @property
    def end(self) -> int:
        """Messages that were ever written."""
        return sum(place.end for place in self.places)

    @property
    def lag(self) -> int:
        """Messages that are still to be read."""
        return sum(place.lag for place in self.places)

    @property
    def is_behind(self) -> bool:
        """Whether somebody should look."""
        return self.lag > FAR_BEHIND

    @property
    def behind(self) -> Sequence[Place]:
        """The partitions that are far behind, where not all are."""
        behind = [place for place in self.places if place.is_behind]
        return behind if len(behind) < len(self.places) else []

    @property
    def spark(self) -> str:
        """The lags as a line in a box of 100 by 22, "" before there are two."""
        top, last = max([*self.lags, 10]), len(self.lags) - 1
        points = (
            f"{100 * at / last:.1f} {21 - 19 * lag / top:.1f}" for at, lag in enumerate(self.lags) if last
        )
        return f"M{line}" if (line := "L".join(points)) else ""


@dataclass(frozen=True)
class Look:
    """Everything at one moment."""

    at: float  # monotonic
    brokers: int
    partitions: Sequence[PartitionStatus]


_looks: deque[Look] = deque(maxlen=LOOKS)


@dataclass(frozen=True)
class Topics:
    """What Kafka says."""

    readers: list[Reader]
    brokers: int  # that answer
    broken: list[str]  # a sentence for each partition that is not well


def read_topics(*, has_redis: bool) -> Topics:
    """Topics by reader. Raises KafkaError, Unavailable or OSError where no broker answers.

    has_redis: without it, nothing is known of aggregate, and nobody waits for that.
    """
    if not _looks or time.monotonic() - _looks[-1].at > KEPT_S:
        _looks.append(_ask(has_redis=has_redis))
    looks = list(_looks)
    partitions = looks[-1].partitions
    broken = [
        _ailing(part) for part in partitions if part.leader < 0 or len(part.in_sync) < len(part.replicas)
    ]
    return Topics(_by_reader(looks), looks[-1].brokers, broken)


def _ailing(part: PartitionStatus) -> str:
    place = f"Partition {part.partition} of {part.topic}"
    if part.leader < 0:
        return f"{place} has no leader."
    return f"{place} has {len(part.in_sync)} of {len(part.replicas)} copies in step."


def _ask(*, has_redis: bool) -> Look:
    admin = make_admin(request_timeout_ms=3000)
    try:
        consumer = make_consumer(group=None)
        try:
            partitions, _ = look(admin, consumer, {FOLDED: _folded() if has_redis else {}})
            brokers = [one for one in admin.describe_cluster()["brokers"] if not one.get("is_fenced")]
            return Look(time.monotonic(), len(brokers), partitions)
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


def _by_reader(looks: Sequence[Look]) -> list[Reader]:
    rows = []
    for topic in TOPICS:
        parts = _of_topic(looks[-1], topic)
        for group in sorted({group for part in parts for group in part.lag}) or [""]:
            places = [
                Place(
                    part.partition, part.start, part.end, part.leader,
                    f"{len(part.in_sync)} of {len(part.replicas)}", part.lag.get(group, 0),
                )
                for part in parts
            ]  # fmt: skip
            lags = [sum(part.lag.get(group, 0) for part in _of_topic(one, topic)) for one in looks]
            rows.append(Reader(topic, group, places, _rate(looks, topic), lags))
    return rows


def _of_topic(one: Look, topic: str) -> list[PartitionStatus]:
    return [part for part in one.partitions if part.topic == topic]


def _rate(looks: Sequence[Look], topic: str) -> float | None:
    """Messages a second, between now and the first look of the last minute."""
    last = looks[-1]
    first = next(one for one in looks if one.at >= last.at - RATE_S)
    if first is last:
        return None
    written = [sum(part.end for part in _of_topic(one, topic)) for one in (first, last)]
    return (written[1] - written[0]) / (last.at - first.at)
