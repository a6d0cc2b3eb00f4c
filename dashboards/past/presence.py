"""What Redis has of units of buckets, and since which offset. Redis -> here -> history.py, heads.py.

A unit's index names its finer buckets, each with when and by a batch from which offset it was first
written, and when it changed last (fence.lua). Moving a unit to the database deletes its index too: what comes
later begins anew.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import redis

from dashboards.counting.scripts import Call, run, script
from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import Grain, Keys, retention, split_partition
from dashboards.past.remembered import REMEMBERED
from dashboards.past.rollups import Life, Presence, Stamp, Unit, unit_of

Stamps = Mapping[int, Stamp]  # by start of the finer bucket
HEADS = script("heads.lua")
_decode = msgspec.msgpack.Decoder(tuple[int, str, str, list[str], str, list[str], list[msgspec.Raw]]).decode
_flat = msgspec.msgpack.Decoder(list[str]).decode
SETTLED_S = 2  # since the last change: two buckets of a unit may change in one millisecond
MARGIN_S = 5  # a bucket about to expire may be gone when it is read
INDEX: dict[str, Literal["h", "d"]] = {"m": "h", "d": "d"}  # whose index names a unit's buckets
FINER: dict[str, Grain] = {"m": "m", "d": "h"}
DELAY = "delay"  # measured by the process, and kept like a fold


def read_lives(client: redis.Redis, keys: Keys, tps: Sequence[str]) -> dict[str, Life]:
    """How far each partition is folded, and from where."""
    pipe = client.pipeline(transaction=False)
    for tp in tps:
        ask_life(pipe, keys, tp)
    answers = pipe.execute()
    return {tp: life_of(answers[4 * n : 4 * n + 4]) for n, tp in enumerate(tps)}


def ask_life(pipe: Any, keys: Keys, tp: str) -> None:  # noqa: ANN401 - a pipeline of either kind of client
    """Queue the four reads that life_of() understands."""
    pipe.get(keys.offset(tp))
    pipe.get(keys.begun(tp))
    pipe.hgetall(keys.gaps(tp))
    pipe.get(keys.moves(tp))


def life_of(answers: Sequence[Any]) -> Life:
    """The answers to ask_life()."""
    offset, begun, gaps, moves = answers
    return Life(
        offset=None if offset is None else int(offset),
        begun=int(begun or 0),
        gaps=tuple(sorted((int(low), int(high)) for low, high in gaps.items())),
        moves=int(moves or 0),
    )


class Head(NamedTuple):
    """What a partition says of itself."""

    now: int  # by Redis's clock, epoch seconds
    life: Life
    days: set[int]  # that Redis has


def read_heads(
    client: redis.Redis, keys: Keys, wanted: Mapping[str, Sequence[Unit]]
) -> tuple[dict[str, Head], dict[Unit, Presence]]:
    """The heads of these partitions, and those of their wanted units that Redis has.

    What an hour has is asked only where its day says that it changed since this process asked last.
    """
    known: dict[Unit, Known] = {
        unit: found for unit in _hours(wanted) if (found := REMEMBERED.get(index_key(keys, unit)))
    }
    first = {tp: [unit for unit in units if unit not in known] for tp, units in wanted.items()}
    days = {unit: _day_of(unit) for unit in known}
    heads, found = _ask(client, keys, _with_days(first, days.values()))
    kept = Kept.now()
    changed: dict[str, list[Unit]] = {}
    for unit, (version, index) in known.items():
        day = found.get(days[unit])
        if version != _told(day, unit):
            changed.setdefault(unit.tp, []).append(unit)
        elif day and index:
            found[unit] = _presence(unit, day.life, index, heads[unit.tp].now, kept)
    if changed:
        found |= _ask(client, keys, _with_days(changed, ()))[1]
    return heads, {unit: found[unit] for units in wanted.values() for unit in units if unit in found}


def _hours(wanted: Mapping[str, Sequence[Unit]]) -> Iterator[Unit]:
    return (unit for units in wanted.values() for unit in units if unit.grain == "m")


def _day_of(hour: Unit) -> Unit:
    return unit_of(hour.tp, "d", hour.start)


def _told(day: Presence | None, hour: Unit) -> int | None:
    """The version of an hour by its day's index; None where that has no such hour, so nobody has."""
    stamp = day and day.stamps.get(hour.start)
    return stamp.changed if stamp else None


def _with_days(wanted: Mapping[str, Sequence[Unit]], more: Iterable[Unit]) -> dict[str, list[Unit]]:
    """These units by partition, and the days of those that are hours."""
    asked = {tp: dict.fromkeys(units) for tp, units in wanted.items()}
    for day in (*more, *map(_day_of, _hours(wanted))):
        asked[day.tp][day] = None
    return {tp: list(units) for tp, units in asked.items()}


def _ask(
    client: redis.Redis, keys: Keys, wanted: Mapping[str, Sequence[Unit]]
) -> tuple[dict[str, Head], dict[Unit, Presence]]:
    """The heads of these partitions and units, in one round trip; each partition's are of one moment."""
    calls = []
    for tp, units in wanted.items():
        of_tp = [keys.offset(tp), keys.begun(tp), keys.gaps(tp), keys.moves(tp), keys.days(tp)]
        calls.append(Call([*of_tp, *(index_key(keys, unit) for unit in units)]))
    kept = Kept.now()
    heads: dict[str, Head] = {}
    found: dict[Unit, Presence] = {}
    for (tp, units), packed in zip(wanted.items(), run(client, HEADS, calls), strict=True):
        now, offset, begun, gaps, moves, days, indexes = _decode(packed)
        pairs = dict(zip(gaps[::2], gaps[1::2], strict=True))
        life = life_of([offset or None, begun, pairs, moves])
        heads[tp] = Head(now, life, set(map(int, days)))
        for unit, raw in zip(units, indexes, strict=True):
            name = "index", bytes(raw)
            if index := REMEMBERED.get(name) or _index(raw):
                found[unit] = _presence(unit, life, index, now, kept)
                if found[unit].version:
                    REMEMBERED.put(name, index, len(index.stamps))
        for hour in _hours({tp: units}):
            _remember(keys, hour, found.get(hour), found.get(_day_of(hour)))
    return heads, found


class Index(NamedTuple):
    """What an index says."""

    stamps: Stamps
    since: int
    first: int
    changed: int


# what an hour's index said, and the version that the day's index told of the hour at that moment
Known = tuple[int | None, Index | None]


def _remember(keys: Keys, hour: Unit, redis: Presence | None, day: Presence | None) -> None:
    if day and day.version_of(hour.start) == 0:
        REMEMBERED.forget(index_key(keys, hour))
        return
    index = Index(redis.stamps, redis.since, redis.first, redis.changed) if redis else None
    known: Known = _told(day, hour), index
    REMEMBERED.put(index_key(keys, hour), known, len(index.stamps) if index else 1)


def _index(raw: msgspec.Raw) -> Index | None:
    flat = _flat(raw)
    return _index_of(_stamps(zip(flat[::2], flat[1::2], strict=True))) if flat else None


def _index_of(stamps: Stamps) -> Index:
    made, first, changed = zip(*stamps.values(), strict=True)
    return Index(stamps, min(made), min(first), max(changed) if all(changed) else 0)


class Kept(NamedTuple):
    """How long the finer buckets of a unit are kept, in seconds, by the unit's grain."""

    m: int
    d: int

    @classmethod
    def now(cls) -> "Kept":
        """As it is set."""
        return cls(retention(FINER["m"]), retention(FINER["d"]))


def presence_of(unit: Unit, life: Life, stamps: Stamps, now: int) -> Presence:
    """What a unit's index says."""
    return _presence(unit, life, _index_of(stamps), now, Kept.now())


def _presence(unit: Unit, life: Life, index: Index, now: int, kept: Kept) -> Presence:
    return Presence(
        life=life,
        since=index.since,
        first=index.first,
        stamps=index.stamps,
        changed=index.changed,
        faded=index.since <= now + MARGIN_S - (kept.m if unit.grain == "m" else kept.d),
        settled_before=(now - SETTLED_S) * 1000,
    )


def index_key(keys: Keys, unit: Unit) -> str:
    """Where a unit's buckets are named."""
    return keys.index(unit.tp, INDEX[unit.grain], unit.start)


def stamps_of(index: Mapping[bytes, bytes]) -> Stamps:
    """What a unit's index says of each finer bucket."""
    return _stamps((at.decode(), value.decode()) for at, value in index.items())


def _stamps(pairs: Iterable[tuple[str, str]]) -> Stamps:
    found = {}
    for at, text in pairs:
        made, first, changed = (text if text.count(":") == 2 else f"{text}:0").split(":")
        found[int(at)] = Stamp(int(made), int(first), int(changed))
    return found


class BucketKey(NamedTuple):
    """One hash or set that a unit may have."""

    grain: Grain
    start: int
    fold: str
    is_set: bool  # a HyperLogLog
    key: str


def bucket_keys(keys: Keys, unit: Unit, starts: Iterable[int]) -> list[BucketKey]:
    """Every bucket that the unit may have."""
    topic, _ = split_partition(unit.tp)
    counts = sorted({fold.name for fold in FOLDS if isinstance(fold, Counts) and fold.topic == topic})
    sets = sorted({fold.name for fold in FOLDS if isinstance(fold, Uniques) and fold.topic == topic})
    folds = [*((name, False) for name in [*counts, DELAY]), *((name, True) for name in sets)]
    places: list[tuple[Grain, int]] = [(FINER[unit.grain], at) for at in starts]
    if unit.grain == "d":
        places.append(("d", unit.start))
    return [
        BucketKey(grain, at, fold, is_set, keys.bucket(unit.tp, grain, at, fold))
        for grain, at in places
        for fold, is_set in folds
    ]
