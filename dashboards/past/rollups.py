"""Rows of the history: what they hold, and which of them Redis has, too. history.py, ranges.py -> here.

A row counts the offsets [first, next) of its partition. What Redis has of the same buckets counts from
`Presence.first` on. Either they do not overlap, and both count; or Redis has all that the row has, and
the row is left out; or the row knows more, and Redis is left out. So nothing is counted twice.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec
from django.db import connection, transaction
from django.db.models import F, QuerySet

from dashboards.keys import WIDTH, Grain
from dashboards.models import Rollup, Total, Turn
from dashboards.past.periods import WIDEST_FIRST, start_of

UnitGrain = Literal["m", "d"]
Fields = dict[str, int]
Value = Fields | bytes  # counts by field, or a HyperLogLog as Redis serialises it
Values = dict[int, Value]  # by start of the bucket
UNIT: dict[Grain, UnitGrain] = {"m": "m", "h": "d", "d": "d"}  # which unit a bucket belongs to
UNIT_WIDTH: dict[UnitGrain, int] = {"m": WIDTH["h"], "d": WIDTH["d"]}
_decode = msgspec.msgpack.Decoder(dict[int, dict[str, int] | bytes]).decode


class Unit(msgspec.Struct, frozen=True):
    """Buckets that go to the database together: the minutes of an hour, or a day with its hours."""

    tp: str
    grain: UnitGrain
    start: int


@dataclass(frozen=True, slots=True)
class Life:
    """How far Redis has folded a partition, and from where on."""

    offset: int | None  # the next one to fold; None: Redis has nothing of it
    begun: int = 0
    gaps: tuple[tuple[int, int], ...] = ()
    moves: int = 0  # how many units were moved to the database


class Stamp(NamedTuple):
    """What an index says of one of its buckets."""

    made: int  # when it was first written, epoch seconds
    first: int  # by a batch from this offset on
    changed: int  # its version: when it changed last, epoch ms; 0: an older release wrote it


@dataclass(frozen=True, slots=True)
class Presence:
    """What Redis has of a unit."""

    life: Life
    since: int  # when it was made, epoch seconds
    first: int  # by a batch from this offset on
    stamps: Mapping[int, Stamp] = field(default_factory=dict)  # of its finer buckets
    changed: int = 0  # when one of these changed last, epoch ms; 0 where that is unknown
    faded: bool = False  # some of its keys may have expired
    settled_before: int = 0  # epoch ms: what changed later may be about to change again

    @property
    def version(self) -> int:
        """Names the unit's figures as they stand; 0 where they may just change, or be about to expire."""
        return 0 if self.faded or self.changed >= self.settled_before else self.changed

    def version_of(self, at: int) -> int | None:
        """The same of one of its finer buckets; None where it has no such."""
        if (stamp := self.stamps.get(at)) is None:
            return None
        return 0 if self.faded or stamp.changed >= self.settled_before else stamp.changed

    def has(self, first: int, next_: int) -> bool:
        """Whether everything that a row counts is in it."""
        offset = self.life.offset or 0
        torn = any(low < next_ and high > first for low, high in self.life.gaps)
        return not self.faded and not torn and self.life.begun <= first and next_ <= offset


Verdict = Literal["both", "redis", "row"]


def verdict(first: int, next_: int, redis: Presence | None) -> Verdict:
    """Which of a row [first, next_) and Redis's unit count."""
    if redis is None or next_ <= redis.first:
        return "both"
    return "redis" if redis.has(first, next_) else "row"


def unit_of(tp: str, grain: Grain, at: int) -> Unit:
    """The unit that a minute, an hour or a day belongs to."""
    kind = UNIT[grain]
    return Unit(tp, kind, at - at % UNIT_WIDTH[kind])


def pack(values: Mapping[int, Value]) -> bytes:
    """A row's data: msgpack of {start: {field: number}}, or {start: bytes} for sets."""
    return msgspec.msgpack.encode(values)


def unpack(data: bytes | memoryview) -> Values:
    """What pack() was given."""
    return _decode(data)


def parts_of(grain: Grain, unit_start: int, starts: Iterable[int]) -> int:
    """A bit for each bucket of the unit that has figures."""
    return sum({1 << (at - unit_start) // WIDTH[grain] for at in starts})


def starts_of(grain: Grain, unit_start: int, parts: int) -> list[int]:
    """The buckets that parts_of() was given."""
    return [unit_start + n * WIDTH[grain] for n in range(parts.bit_length()) if parts >> n & 1]


# --- writing ----------------------------------------------------------------------------------
@dataclass
class Taken:
    """A unit as it was read from Redis, all of one moment."""

    unit: Unit
    redis: Presence
    at: int  # epoch seconds by Redis's clock
    values: dict[tuple[Grain, str], Values] = field(default_factory=dict)  # by grain and fold


@contextmanager
def in_turn() -> Iterator[None]:
    """A transaction that changes the history; others wait for its end."""
    with transaction.atomic():
        if not Turn.objects.filter(pk=1).update(number=F("number") + 1):
            Turn.objects.bulk_create([Turn(pk=1)], ignore_conflicts=True)
            Turn.objects.filter(pk=1).update(number=F("number") + 1)
        yield


def turn_number() -> int:
    """Another one after each change of the history."""
    with connection.cursor() as cursor:  # asked for with each range: the ORM takes several times as long
        cursor.execute(f"SELECT number FROM {Turn._meta.db_table} WHERE id = 1")
        found = cursor.fetchone()
    return found[0] if found else 0


def keep(taken: Taken) -> bool:
    """Make the rows say what Redis said; False, with nothing changed, where they are ahead of it."""
    unit, redis = taken.unit, taken.redis
    offset = redis.life.offset or 0
    grains = ["m"] if unit.grain == "m" else ["h", "d"]
    with in_turn():
        rows = Rollup.objects.filter(tp=unit.tp, grain__in=grains, start=unit.start)
        found = [(pk, next_, verdict(first, next_, redis)) for pk, first, next_ in _spans(rows)]
        if any(next_ > offset for _, next_, _ in found):
            return False
        if any(who == "row" for _, _, who in found):
            return True  # Redis has only a part of it: the log or its keys were cut, and the rows were not
        Rollup.objects.filter(pk__in=[pk for pk, _, who in found if who == "redis"]).delete()
        Rollup.objects.bulk_create(_rows(taken, next_=offset))
        if unit.grain == "d":
            forget_totals([unit.start])
    return True


def _spans(rows: QuerySet[Rollup]) -> Iterable[tuple[int, int, int]]:
    return rows.values_list("pk", "first", "next")


def _rows(taken: Taken, *, next_: int) -> list[Rollup]:
    unit, redis = taken.unit, taken.redis
    return [
        Rollup(
            tp=unit.tp,
            grain=grain,
            start=unit.start,
            fold=fold,
            first=redis.first,
            next=next_,
            since=redis.since,
            at=taken.at,
            parts=parts_of(grain, unit.start, values),
            data=pack(values),
        )
        for (grain, fold), values in taken.values.items()
        if grain == "d" or not redis.faded
    ]


def forget_totals(days: Sequence[int]) -> None:
    """What is added up of these days is to be added up anew."""
    Total.objects.filter(grain__in=["h", "d"], start__in=days).delete()
    for period in WIDEST_FIRST:
        Total.objects.filter(grain=period, start__in={start_of(period, day) for day in days}).delete()
