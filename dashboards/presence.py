"""What Redis has of units of buckets, and since which offset. Redis -> here -> history.py, ranges.py.

A unit's index names its finer buckets, each with when and by a batch from which offset it was first
written (fence.lua). Moving a unit to the database deletes its index too: what comes later begins anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, cast

import redis

from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import Grain, Keys, retention, split_partition
from dashboards.rollups import Life, Presence, Unit

Stamps = dict[int, tuple[int, int]]  # finer bucket -> first written (epoch s), by a batch from that offset on
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


def read_presences(
    client: redis.Redis, keys: Keys, lives: Mapping[str, Life], units: Iterable[Unit], now: int
) -> dict[Unit, Presence]:
    """The units that Redis has, of those asked for."""
    asked = list(units)
    pipe = client.pipeline(transaction=False)
    for unit in asked:
        pipe.hgetall(index_key(keys, unit))
    found = cast("list[dict[bytes, bytes]]", pipe.execute())
    return {
        unit: presence_of(unit, lives[unit.tp], stamps_of(index), now)
        for unit, index in zip(asked, found, strict=True)
        if index
    }


def index_key(keys: Keys, unit: Unit) -> str:
    """Where a unit's buckets are named."""
    return keys.index(unit.tp, INDEX[unit.grain], unit.start)


def presence_of(unit: Unit, life: Life, stamps: Stamps, now: int) -> Presence:
    """What a unit's index says."""
    since = min(seconds for seconds, _ in stamps.values())
    return Presence(
        life=life,
        since=since,
        first=min(offset for _, offset in stamps.values()),
        stamps=stamps,
        faded=since <= now + MARGIN_S - retention(FINER[unit.grain]),
    )


def stamps_of(index: Mapping[bytes, bytes]) -> Stamps:
    """Each finer bucket: when it was first written, epoch seconds, and by a batch from which offset."""
    pairs = {int(at): value.split(b":") for at, value in index.items()}
    return {at: (int(seconds), int(offset)) for at, (seconds, offset) in pairs.items()}


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
