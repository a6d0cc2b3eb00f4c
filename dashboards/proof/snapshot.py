"""What is told of a partition by day, each with the offset it has reached. Redis, rows -> here -> audit.py.

A day's buckets and the offset are read in one transaction, so an audit may run while events come in. What
the database adds is judged as every reader judges it (rollups.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import redis

from dashboards.counting.batch import Place
from dashboards.counting.store import read_position, read_together
from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import Grain, Keys, retention, split_partition
from dashboards.models import Rollup
from dashboards.past.presence import MARGIN_S, Stamps, presence_of, read_lives, stamps_of
from dashboards.past.rollups import Presence, Unit
from dashboards.proof.rowsofday import Day, add_rows

TRIES = 5


@dataclass
class Snapshot:
    """One partition."""

    tp: str
    offset: int  # when the days were listed: a day that is not among them had nothing before it
    days: dict[int, Day]
    misfits: dict[str, str]


def take(client: redis.Redis, keys: Keys, tp: str, days: range | None = None) -> Snapshot | None:
    """What is told of the partition; None where it was never folded. days: their starts; None: all."""
    position = read_position(client, keys, tp)
    if position.offset is None:
        return None
    there = {int(day) for day in cast("list[bytes]", client.zrange(keys.days(tp), 0, -1))}
    there |= set(Rollup.objects.filter(tp=tp, grain="d").values_list("start", flat=True))
    wanted = sorted(day for day in there if days is None or day in days)
    found = cast("dict[bytes, bytes]", client.hgetall(keys.misfits(tp)))
    misfits = {name.decode(): why.decode() for name, why in found.items()}
    return Snapshot(tp, position.offset, {day: _day(client, keys, tp, day) for day in wanted}, misfits)


def _day(client: redis.Redis, keys: Keys, tp: str, start: int) -> Day:
    """One day; read again where a new minute began meanwhile, or its buckets left Redis."""
    now = int(client.time()[0])
    for _ in range(TRIES):
        index = _Index(client, keys, tp, start)
        day = _read_day(client, keys, tp, index, now)
        add_rows(client, keys, tp, day, index.presences(now))
        if _Index(client, keys, tp, start) == index:
            break
    return day


class _Index:
    """Which hours and minutes a day has, and since when."""

    def __init__(self, client: redis.Redis, keys: Keys, tp: str, day: int) -> None:
        self.tp, self.day = tp, day
        self.life = read_lives(client, keys, [tp])[tp]
        self.hours = stamps_of(cast("dict[bytes, bytes]", client.hgetall(keys.index(tp, "d", day))))
        pipe = client.pipeline(transaction=False)
        for hour in self.hours:
            pipe.hgetall(keys.index(tp, "h", hour))
        self.minutes = dict(zip(self.hours, map(stamps_of, pipe.execute()), strict=True))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Index):
            return False
        return self._made() == other._made() and self.life.moves == other.life.moves

    def _made(self) -> list[tuple[int, int, int]]:
        """Which hours and minutes there are, and since when: not when they changed."""
        indexes = [self.hours, *self.minutes.values()]
        return [(at, stamp.made, stamp.first) for index in indexes for at, stamp in sorted(index.items())]

    __hash__ = None  # type: ignore[assignment]  # compared once, never a key

    def presences(self, now: int) -> dict[Unit, Presence]:
        """What Redis has of the day's units."""
        units: dict[Unit, Stamps] = {Unit(self.tp, "d", self.day): self.hours}
        units |= {Unit(self.tp, "m", hour): minutes for hour, minutes in self.minutes.items()}
        return {unit: presence_of(unit, self.life, stamps, now) for unit, stamps in units.items() if stamps}

    def kept(self, now: int) -> Iterator[tuple[Grain, int]]:
        """The buckets that can be compared: of those that their day or hour had, none has expired."""
        yield "d", self.day
        if _all_kept(self.hours, "h", now):
            yield from (("h", hour) for hour in self.hours)
        for minutes in self.minutes.values():
            if _all_kept(minutes, "m", now):
                yield from (("m", minute) for minute in minutes)


def _all_kept(stamps: Stamps, grain: Grain, now: int) -> bool:
    oldest = now + MARGIN_S - retention(grain)
    return all(stamp.made > oldest for stamp in stamps.values())


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
        first_offset=min((stamp.first for stamp in index.hours.values()), default=0),
    )
