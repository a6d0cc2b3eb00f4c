"""What Redis says of a partition, day by day, each with the offset it has reached. Redis -> here -> audit.py.

A day's buckets and the offset are read in one transaction, so an audit may run while events come in.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import redis

from dashboards.batch import Place
from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import Grain, Keys, retention, split_partition
from dashboards.presence import MARGIN_S
from dashboards.store import read_position, read_together

Stamps = dict[int, tuple[int, int]]  # finer bucket -> first written (epoch s), by a batch from that offset on
TRIES = 5


@dataclass
class Day:
    """One day of one partition."""

    start: int
    offset: int  # everything before it is in these figures
    counts: dict[Place, Mapping[str, int]] = field(default_factory=dict)
    sizes: dict[Place, int] = field(default_factory=dict)  # of the sets
    whole: set[tuple[Grain, int]] = field(default_factory=set)  # of these no bucket has expired
    first_offset: int = 0  # nothing in these figures is from before it


@dataclass
class Snapshot:
    """One partition."""

    tp: str
    offset: int  # when the days were listed: a day that is not among them had nothing before it
    days: dict[int, Day]
    misfits: dict[str, str]


def take(client: redis.Redis, keys: Keys, tp: str) -> Snapshot | None:
    """What Redis says of the partition; None where it was never folded."""
    position = read_position(client, keys, tp)
    if position.offset is None:
        return None
    days = [int(day) for day in cast("list[bytes]", client.zrange(keys.days(tp), 0, -1))]
    found = cast("dict[bytes, bytes]", client.hgetall(keys.misfits(tp)))
    misfits = {name.decode(): why.decode() for name, why in found.items()}
    return Snapshot(tp, position.offset, {day: _day(client, keys, tp, day) for day in days}, misfits)


def _day(client: redis.Redis, keys: Keys, tp: str, start: int) -> Day:
    """One day; read again where a new minute began meanwhile."""
    now = int(client.time()[0])
    for _ in range(TRIES):
        index = _Index(client, keys, tp, start)
        day = _read_day(client, keys, tp, index, now)
        if _Index(client, keys, tp, start) == index:
            break
    return day


class _Index:
    """Which hours and minutes a day has, and since when."""

    def __init__(self, client: redis.Redis, keys: Keys, tp: str, day: int) -> None:
        self.day = day
        self.hours = _stamps(cast("dict[bytes, bytes]", client.hgetall(keys.index(tp, "d", day))))
        pipe = client.pipeline(transaction=False)
        for hour in self.hours:
            pipe.hgetall(keys.index(tp, "h", hour))
        self.minutes = dict(zip(self.hours, map(_stamps, pipe.execute()), strict=True))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Index) and (self.hours, self.minutes) == (other.hours, other.minutes)

    __hash__ = None  # type: ignore[assignment]  # compared once, never a key

    def kept(self, now: int) -> Iterator[tuple[Grain, int]]:
        """The buckets that can be compared: of those that their day or hour had, none has expired."""
        yield "d", self.day
        if _all_kept(self.hours, "h", now):
            yield from (("h", hour) for hour in self.hours)
        for minutes in self.minutes.values():
            if _all_kept(minutes, "m", now):
                yield from (("m", minute) for minute in minutes)


def _stamps(found: Mapping[bytes, bytes]) -> Stamps:
    pairs = {int(at): value.split(b":") for at, value in found.items()}
    return {at: (int(seconds), int(offset)) for at, (seconds, offset) in pairs.items()}


def _all_kept(stamps: Stamps, grain: Grain, now: int) -> bool:
    oldest = now + MARGIN_S - retention(grain)
    return all(first > oldest for first, _ in stamps.values())


def _read_day(client: redis.Redis, keys: Keys, tp: str, index: _Index, now: int) -> Day:
    topic, _ = split_partition(tp)
    whole = set(index.kept(now))
    counts = [
        Place(grain, at, name)
        for grain, at in sorted(whole)
        for name in sorted({fold.name for fold in FOLDS if isinstance(fold, Counts) and fold.topic == topic})
    ]
    sets = [
        Place(grain, at, fold.name)
        for grain, at in sorted(whole)
        if grain != "m"  # a set of each minute costs more than it proves beside the hour's
        for fold in FOLDS
        if isinstance(fold, Uniques) and fold.topic == topic
    ]
    offset, hashes, sizes = read_together(
        client,
        keys.offset(tp),
        [keys.bucket(tp, *place) for place in counts],
        [keys.bucket(tp, *place) for place in sets],
    )
    return Day(
        start=index.day,
        offset=offset,
        counts=dict(zip(counts, hashes, strict=True)),
        sizes=dict(zip(sets, sizes, strict=True)),
        whole=whole,
        first_offset=min((offset for _, offset in index.hours.values()), default=0),
    )
