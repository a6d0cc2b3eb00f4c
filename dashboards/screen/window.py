"""The last half hour of aggregates, kept in this process. Redis -> here -> sections.py -> hub.py.

A change names the keys that it touched; only those are read again, in one round trip. What the screen
shows with every frame is read for each (FAST), what lists show every two seconds is not (SLOW).
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from django.conf import settings
from redis.asyncio import Redis

from dashboards.keys import WIDTH, Bucket, Grain, Keys, bucket, partition_name, split_partition
from shopsite.events.redis import queue
from shopsite.events.topics import TOPICS

MINUTES = 30
SECONDS = 12  # second buckets that are kept: the rate is of the last ten full seconds
VISIT_MS = 5 * 60_000
FAST: dict[Grain, tuple[str, ...]] = {
    "m": ("events", "orders", "revenue"),
    "s": ("events",),
    "h": ("orders", "revenue"),
}
SLOW: dict[Grain, tuple[str, ...]] = {
    "m": ("products", "referrers", "countries", "devices", "searches", "paths", "bots", "delay", "campaigns"),
}
TOPICS_OF = {
    "orders": ("orders",),
    "revenue": ("orders",),
    "products": ("clicks", "orders"),
    "delay": ("clicks", "orders", "inventory"),
}  # of the folds that are not of clicks alone
STAGES = {"view_item": "clicks", "add_to_cart": "clicks", "begin_checkout": "clicks", "purchase": "orders"}
CHUNK = 250  # reads in one round trip while loading: more would hold up the frames of others

Pace = Literal["fast", "slow"]
Fields = dict[str, int]


class Tally:
    """The buckets of one fold and grain, and their sum, kept by what changes."""

    def __init__(self) -> None:
        self.buckets: dict[tuple[int, str], Fields] = {}  # by start and partition
        self.total: defaultdict[str, int] = defaultdict(int)

    def put(self, start: int, tp: str, new: Fields) -> None:
        """Set one bucket to absolute values."""
        old = self.buckets.get((start, tp), {})
        for field in old.keys() | new.keys():
            self.total[field] += new.get(field, 0) - old.get(field, 0)
            if not self.total[field]:
                del self.total[field]
        self.buckets[start, tp] = new

    def forget(self, before: int) -> None:
        """Drop the buckets that began before that second."""
        for start, tp in [place for place in self.buckets if place[0] < before]:
            self.put(start, tp, {})
            del self.buckets[start, tp]

    def at(self, start: int) -> Iterator[Fields]:
        """That bucket in each partition."""
        return (fields for (begin, _), fields in self.buckets.items() if begin == start)


class Window:
    """What the live page is made of; read by one task of the hub."""

    def __init__(self, redis: Redis, keys: Keys, generation: bytes | str | None = None) -> None:
        self.redis = redis
        self.keys = keys
        self.generation = generation  # as it stood in Redis when this was made
        self.loaded_at = 0.0
        self.partitions = {
            partition_name(topic.name, number)
            for topic in TOPICS.values()
            if not topic.name.endswith(".dlq")
            for number in range(topic.partitions)
        }
        self.tallies: defaultdict[tuple[Grain, str], Tally] = defaultdict(Tally)
        self.visitors = self.visitors30 = 0
        self.funnel: dict[str, int] = {}
        self.recent: dict[str, list[bytes]] = {}
        self._due: dict[Pace, set[Bucket]] = {"fast": set(), "slow": set()}
        self._fresh: set[str] = set()  # partitions whose last events are to be read
        self._zone = ZoneInfo(settings.SHOP_TIME_ZONE)

    def minutes(self, now: float) -> list[int]:
        """Starts of the minutes shown, oldest first; the last one is still running."""
        last = bucket(now, "m")
        return [last - 60 * ago for ago in range(MINUTES - 1, -1, -1)]

    def midnight(self, now: float) -> int:
        """When today began, in the shop's time zone."""
        day = datetime.fromtimestamp(now, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return int(day.timestamp())

    def touch(self, tp: str, names: Iterable[bytes]) -> None:
        """Note which keys a batch changed, and the hours that hold them."""
        self.partitions.add(tp)
        self._fresh.add(tp)
        for name in names:
            place = self.keys.parse(name)
            if place is None:
                continue  # another generation is being built beside this one
            if place.fold in FAST.get(place.grain, ()):
                self._due["fast"].add(place)
            elif place.fold in SLOW.get(place.grain, ()):
                self._due["slow"].add(place)
            if place.grain == "m" and place.fold in FAST["h"]:
                hour = place.start - place.start % 3600
                self._due["fast"].add(place._replace(grain="h", start=hour))

    async def load(self, now: float) -> None:
        """Read everything that is shown. What is touched meanwhile is read again afterwards."""
        self.loaded_at = now
        everything = self._everything(now)
        for first in range(0, len(everything), CHUNK):
            await self._read(everything[first : first + CHUNK])
        self._fresh |= self.partitions
        await self.read_fast(now)
        await self.read_slow(now)

    def _everything(self, now: float) -> list[Bucket]:
        return [
            Bucket(tp, grain, start, fold)
            for folds in (FAST, SLOW)
            for grain, names in folds.items()
            for fold in names
            for start in self.starts(grain, now)
            for topic in TOPICS_OF.get(fold, ("clicks",))
            for tp in self.of(topic)
        ]

    def of(self, topic: str) -> list[str]:
        """The partitions of a topic."""
        return sorted(tp for tp in self.partitions if split_partition(tp)[0] == topic)

    async def read_fast(self, now: float) -> None:
        """Read what was touched of the numbers and the pulse, and who is there, in one round trip."""
        places = self._take("fast", now)
        async with self.redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hgetall(self.keys.bucket(*place))
            for tp in self.of("clicks"):  # keyed by user, so nobody is in two partitions
                pipe.zcount(self.keys.seen(tp), now * 1000 - VISIT_MS, "+inf")
                pipe.zcount(self.keys.seen(tp), now * 1000 - MINUTES * 60_000, "+inf")
            answers = await pipe.execute()
        self._put(places, answers[: len(places)])
        counts = answers[len(places) :]
        self.visitors, self.visitors30 = sum(counts[::2]), sum(counts[1::2])

    async def read_slow(self, now: float) -> None:
        """Read what was touched of the lists, the last events, and the funnel."""
        await self._read(self._take("slow", now))
        first = self.first(now)
        for (grain, _), tally in self.tallies.items():
            tally.forget(first[grain])
        fresh, self._fresh = sorted(self._fresh), set()
        stages = [(stage, tp) for stage, topic in STAGES.items() for tp in self.of(topic)]
        async with self.redis.pipeline(transaction=False) as pipe:
            for tp in fresh:
                pipe.lrange(self.keys.recent(tp), 0, -1)
            for stage, tp in stages:
                sets = [self.keys.bucket(tp, "m", at, f"funnel.{stage}") for at in self.minutes(now)]
                queue(pipe, "PFCOUNT", *sets)
            answers = await pipe.execute()
        self.recent.update(zip(fresh, answers[: len(fresh)], strict=True))
        self.funnel = dict.fromkeys(STAGES, 0)
        for (stage, _), people in zip(stages, answers[len(fresh) :], strict=True):
            self.funnel[stage] += people

    async def _read(self, places: list[Bucket]) -> None:
        if not places:
            return
        async with self.redis.pipeline(transaction=False) as pipe:
            for place in places:
                pipe.hgetall(self.keys.bucket(*place))
            self._put(places, await pipe.execute())
        await asyncio.sleep(0)

    def _put(self, places: list[Bucket], answers: Sequence[Mapping[bytes, bytes]]) -> None:
        for place, answer in zip(places, answers, strict=True):
            fields = {field.decode(): int(value) for field, value in answer.items()}
            self.tallies[place.grain, place.fold].put(place.start, place.tp, fields)

    def _take(self, pace: Pace, now: float) -> list[Bucket]:
        """The touched keys of that pace; a late event's bucket may be older than what is shown."""
        due, self._due[pace] = self._due[pace], set()
        first = self.first(now)
        return [place for place in due if place.start >= first[place.grain]]

    def first(self, now: float) -> dict[Grain, int]:
        """The oldest bucket of each grain that is shown."""
        hour = self.midnight(now) // 3600 * 3600
        return {"m": self.minutes(now)[0], "s": bucket(now, "s") - SECONDS, "h": hour}

    def starts(self, grain: Grain, now: float) -> range:
        """Every bucket of a grain that is shown, oldest first."""
        return range(self.first(now)[grain], int(now) + 1, WIDTH[grain])
