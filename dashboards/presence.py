"""What Redis has of units of buckets, and since which offset. Redis -> here -> history.py, heads.py.

A unit's index names its finer buckets, each with when and by a batch from which offset it was first
written (fence.lua). Moving a unit to the database deletes its index too: what comes later begins anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import msgspec
import redis

from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import Grain, Keys, retention, split_partition
from dashboards.remembered import REMEMBERED
from dashboards.rollups import Life, Presence, Unit
from dashboards.scripts import Call, run, script

Stamps = dict[int, tuple[int, int]]  # finer bucket -> first written (epoch s), by a batch from that offset on
HEADS = script("heads.lua")
SETTLED_S = 2  # since the last change; two changes of one millisecond would look like one
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
    """The heads of these partitions, and those of their wanted units that Redis has: one round trip."""
    names = {unit: index_key(keys, unit) for units in wanted.values() for unit in units}
    known: dict[Unit, Index | None] = {unit: REMEMBERED.get(name) for unit, name in names.items()}
    calls = []
    for tp, units in wanted.items():
        of_tp = [keys.offset(tp), keys.begun(tp), keys.gaps(tp), keys.moves(tp), keys.days(tp)]
        ends_known = [index.ends if (index := known[unit]) else 0 for unit in units]
        calls.append(Call([*of_tp, *(names[unit] for unit in units)], [msgspec.msgpack.encode(ends_known)]))
    keep = Keep.now()
    heads: dict[str, Head] = {}
    found: dict[Unit, Presence] = {}
    for (tp, units), packed in zip(wanted.items(), run(client, HEADS, calls), strict=True):
        now, offset, begun, gaps, moves, days, indexes = msgspec.msgpack.decode(packed)
        pairs = dict(zip(gaps[::2], gaps[1::2], strict=True))
        life = life_of([offset or None, begun, pairs, moves])
        heads[tp] = Head(now, life, set(map(int, days)))
        for unit, (ends, *flat) in zip(units, indexes, strict=True):
            if ends:
                index = _index(int(ends), _stamps_in(flat[0])) if flat else known[unit]
                assert index is not None, "only what is remembered is left out"
                found[unit] = redis = _presence(unit, life, index, now, keep)
                if flat and redis.settled:
                    REMEMBERED.put(names[unit], index, len(index.stamps))
    return heads, found


class Index(NamedTuple):
    """A unit's index, as it was read."""

    ends: int  # epoch ms at which it expires: each change moves that; 0: not asked for
    stamps: Stamps
    since: int
    first: int


def _index(ends: int, stamps: Stamps) -> Index:
    since, first = (min(values) for values in zip(*stamps.values(), strict=True))
    return Index(ends, stamps, since, first)


def presence_of(unit: Unit, life: Life, stamps: Stamps, now: int) -> Presence:
    """What a unit's index says, when it was changed last left aside."""
    return _presence(unit, life, _index(0, stamps), now, Keep.now())


class Keep(NamedTuple):
    """How long what a unit has is kept, by the unit's grain, in seconds."""

    of_index: Mapping[str, int]
    of_finer: Mapping[str, int]

    @classmethod
    def now(cls) -> "Keep":
        """As it is set."""
        return cls(
            {unit: retention(grain) for unit, grain in INDEX.items()},
            {unit: retention(grain) for unit, grain in FINER.items()},
        )


def _presence(unit: Unit, life: Life, index: Index, now: int, keep: Keep) -> Presence:
    touched = index.ends and index.ends - keep.of_index[unit.grain] * 1000
    return Presence(
        life=life,
        since=index.since,
        first=index.first,
        stamps=index.stamps,
        faded=index.since <= now + MARGIN_S - keep.of_finer[unit.grain],
        touched=touched,
        settled=0 < touched // 1000 < now - SETTLED_S,
    )


def index_key(keys: Keys, unit: Unit) -> str:
    """Where a unit's buckets are named."""
    return keys.index(unit.tp, INDEX[unit.grain], unit.start)


def stamps_of(index: Mapping[bytes, bytes]) -> Stamps:
    """Each finer bucket: when it was first written, epoch seconds, and by a batch from which offset."""
    return _stamps((at.decode(), value.decode()) for at, value in index.items())


def _stamps_in(flat: Sequence[str]) -> Stamps:
    return _stamps(zip(flat[::2], flat[1::2], strict=True))


def _stamps(pairs: Iterable[tuple[str, str]]) -> Stamps:
    found = {}
    for at, text in pairs:
        seconds, _, offset = text.partition(":")
        found[int(at)] = int(seconds), int(offset)
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
