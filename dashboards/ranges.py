"""Which buckets make up a range of time. A range -> here: Redis's indexes -> selectors.py reads the buckets.

Whole days are days, what is left of the first and the last day is hours, what is left of an hour is
minutes: each moment is covered once. Where the finer buckets of a day or an hour are no longer all kept,
the range is widened to the whole of it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

import redis

from dashboards.keys import WIDTH, Grain, Keys, retention

Span = tuple[int, int]  # epoch seconds, the second one exclusive
Index = dict[int, int]  # finer bucket -> when it was first written, epoch seconds
Indexes = dict[tuple[str, int], Index]  # by partition and start of the hour or day
FINER: dict[Literal["h", "d"], Grain] = {"d": "h", "h": "m"}
MARGIN_S = 5  # a bucket about to expire may be gone when it is read


@dataclass(frozen=True)
class Cover:
    """The buckets of a range, in each partition."""

    start: int  # epoch seconds: what was asked for, or the wider range that is still known
    end: int
    buckets: Mapping[str, Sequence[tuple[Grain, int]]]  # by partition; only those that exist


def floor(at: float, width: int) -> int:
    """The start of the bucket of that width which holds the moment."""
    return int(at // width) * width


def ceil(at: float, width: int) -> int:
    """The first start of a bucket that is not before the moment."""
    return -int(-at // width) * width


def cover(client: redis.Redis, keys: Keys, tps: Sequence[str], start: datetime, end: datetime) -> Cover:
    """The buckets that make up [start, end), widened where the finer ones are no longer kept."""
    reader = _Reader(client, keys, tps)
    used = reader.widened(start.timestamp(), False), reader.widened(end.timestamp(), True)
    head, days, tail = split(used, WIDTH["d"])
    hours, minutes = [], []
    for part in (head, tail):
        before, whole, after = split(part, WIDTH["h"])
        hours.append(whole)
        minutes += [before, after]
    found: dict[str, list[tuple[Grain, int]]] = {tp: [] for tp in tps}
    for tp, starts in reader.days().items():
        found[tp] += [("d", at) for at in starts if days[0] <= at < days[1]]
    for grain, coarser, spans in (("h", "d", hours), ("m", "h", minutes)):
        for tp, starts in reader.finer(cast(Literal["h", "d"], coarser), spans).items():
            found[tp] += [(cast(Grain, grain), at) for at in starts]
    return Cover(*used, found)


def split(span: Span, width: int) -> tuple[Span, Span, Span]:
    """The whole buckets of that width in the middle of a span, and what is left before and after them."""
    first, last = ceil(span[0], width), floor(span[1], width)
    if first >= last:  # not a single whole one; what touches a border falls into two parts
        border = first if span[0] < first < span[1] else span[1]
        return (span[0], border), (border, border), (border, span[1])
    return (span[0], first), (first, last), (last, span[1])


def kept_minutes(
    client: redis.Redis, keys: Keys, tps: Sequence[str], span: Span
) -> tuple[dict[str, list[int]], bool]:
    """The minutes in a span that each partition has, and whether they are all that there ever were."""
    reader = _Reader(client, keys, tps)
    hours = {at for starts in reader.finer("d", [span]).values() for at in starts} | {floor(span[0], 3600)}
    dead = {hour for hour in hours if not reader.is_whole("h", hour)}
    found = reader.finer("h", [span])
    alive = {tp: [at for at in starts if floor(at, 3600) not in dead] for tp, starts in found.items()}
    return alive, not dead


class _Reader:
    """Reads indexes, each once."""

    def __init__(self, client: redis.Redis, keys: Keys, tps: Sequence[str]) -> None:
        self._client, self._keys, self._tps = client, keys, tps
        self._known: dict[tuple[str, str, int], Index] = {}
        self._now = int(client.time()[0]) if tps else 0

    def days(self) -> dict[str, list[int]]:
        """The days that each partition has."""
        pipe = self._client.pipeline(transaction=False)
        for tp in self._tps:
            pipe.zrange(self._keys.days(tp), 0, -1)
        return {tp: sorted(map(int, days)) for tp, days in zip(self._tps, pipe.execute(), strict=True)}

    def widened(self, at: float, up: bool) -> int:
        """A bound, moved to the border of the finest bucket that is still kept there."""
        for grain in ("d", "h"):
            width = WIDTH[grain]
            if at % width == 0:
                return int(at)
            if not self.is_whole(grain, floor(at, width)):
                return ceil(at, width) if up else floor(at, width)
        return ceil(at, WIDTH["m"]) if up else floor(at, WIDTH["m"])

    def is_whole(self, grain: Literal["h", "d"], start: int) -> bool:
        """Whether all finer buckets of that hour or day are still there, in every partition."""
        oldest = self._now + MARGIN_S - retention(FINER[grain])
        self._read(grain, [start])
        return all(first > oldest for tp in self._tps for first in self._known[tp, grain, start].values())

    def finer(self, grain: Literal["h", "d"], spans: Sequence[Span]) -> dict[str, list[int]]:
        """The finer buckets within the spans that each partition has, by the indexes of that grain."""
        width = WIDTH[grain]
        coarse = [at for low, high in spans for at in range(floor(low, width), ceil(high, width), width)]
        self._read(grain, coarse)
        found: dict[str, list[int]] = defaultdict(list)
        for tp in self._tps:
            known = {at for start in coarse for at in self._known[tp, grain, start]}
            found[tp] = sorted(at for at in known if any(low <= at < high for low, high in spans))
        return found

    def _read(self, grain: Literal["h", "d"], starts: Iterable[int]) -> None:
        wanted = [
            (tp, grain, at) for at in set(starts) for tp in self._tps if (tp, grain, at) not in self._known
        ]
        pipe = self._client.pipeline(transaction=False)
        for tp, _, at in wanted:
            pipe.hgetall(self._keys.index(tp, grain, at))
        for place, index in zip(wanted, pipe.execute(), strict=True):
            self._known[place] = {int(at): int(seen.split(b":")[0]) for at, seen in index.items()}
