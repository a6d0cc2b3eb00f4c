"""Which buckets make up a range of time. A range -> here: indexes, rows' heads -> selectors.py reads them.

Whole days are days, what is left of the first and the last day is hours, what is left of an hour is
minutes: each moment is covered once. Where the finer buckets of a day or an hour are no longer all kept,
neither in Redis nor in the database, the range is widened to the whole of it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

import redis
from django.conf import settings
from django.db.models import Min

from dashboards.keys import WIDTH, Grain, Keys
from dashboards.models import Rollup
from dashboards.presence import MARGIN_S, read_lives, read_presences
from dashboards.rollups import Life, Presence, Unit, starts_of

Span = tuple[int, int]  # epoch seconds, the second one exclusive
Known = dict[tuple[str, int], int]  # partition and bucket -> when it was first written, epoch seconds
Coarse = Literal["h", "d"]
FINER: dict[Coarse, Grain] = {"d": "h", "h": "m"}


@dataclass(frozen=True)
class Cover:
    """The buckets of a range."""

    start: int  # epoch seconds: what was asked for, or the wider range that is still known
    end: int
    spans: Mapping[Grain, Sequence[Span]]  # of each grain: disjoint, together the whole range
    buckets: Mapping[str, Sequence[tuple[Grain, int]]]  # by partition; only those that Redis has
    presences: Mapping[Unit, Presence]  # the units that these belong to
    lives: Mapping[str, Life]


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
    return reader.covered(used, {"d": [days], "h": _some(hours), "m": _some(minutes)})


def exactly(
    client: redis.Redis, keys: Keys, tps: Sequence[str], grain: Grain, spans: Sequence[Span]
) -> Cover:
    """The buckets of one grain in these spans, whose bounds are buckets' bounds."""
    return _Reader(client, keys, tps).covered((spans[0][0], spans[-1][1]), {grain: spans})


def _some(spans: Iterable[Span]) -> list[Span]:
    return [span for span in spans if span[0] < span[1]]


def split(span: Span, width: int) -> tuple[Span, Span, Span]:
    """The whole buckets of that width in the middle of a span, and what is left before and after them."""
    first, last = ceil(span[0], width), floor(span[1], width)
    if first >= last:  # not a single whole one; what touches a border falls into two parts
        border = first if span[0] < first < span[1] else span[1]
        return (span[0], border), (border, border), (border, span[1])
    return (span[0], first), (first, last), (last, span[1])


def kept(
    client: redis.Redis, keys: Keys, tps: Sequence[str], grain: Coarse, span: Span
) -> tuple[list[Span], bool]:
    """The hours (or days) in a span whose minutes (or hours) are all known, and whether these are all."""
    reader = _Reader(client, keys, tps)
    width = WIDTH[grain]
    coarse = range(floor(span[0], width), ceil(span[1], width), width)
    gone = reader.cut(grain, coarse)
    known = [(max(at, span[0]), min(at + width, span[1])) for at in coarse if at not in gone]
    return list(_joined(known)), not gone


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans that touch, as one."""
    current: Span | None = None
    for span in spans:
        if current and current[1] == span[0]:
            current = current[0], span[1]
            continue
        if current:
            yield current
        current = span
    if current:
        yield current


class _Reader:
    """Reads indexes and heads of rows, each once."""

    def __init__(self, client: redis.Redis, keys: Keys, tps: Sequence[str]) -> None:
        self._client, self._keys, self._tps = client, keys, tps
        self._units: dict[Unit, Presence | None] = {}
        self._days_of: dict[str, set[int]] | None = None
        self._lives = read_lives(client, keys, tps) if tps else {}
        self._now = int(client.time()[0]) if tps else int(time.time())

    def covered(self, used: Span, spans: Mapping[Grain, Sequence[Span]]) -> Cover:
        """These buckets, with what Redis has of them."""
        found: dict[str, list[tuple[Grain, int]]] = {tp: [] for tp in self._tps}
        for grain, some in spans.items():
            for tp, at in self._buckets(grain, some):
                found[tp].append((grain, at))
        presences = {unit: redis for unit, redis in self._units.items() if redis is not None}
        return Cover(*used, spans, found, presences, self._lives)

    def widened(self, at: float, up: bool) -> int:
        """A bound, moved to the border of the finest bucket that is still kept there."""
        for grain in cast("tuple[Coarse, ...]", ("d", "h")):
            width = WIDTH[grain]
            if at % width == 0:
                return int(at)
            if self.cut(grain, [floor(at, width)]):
                return ceil(at, width) if up else floor(at, width)
        return ceil(at, WIDTH["m"]) if up else floor(at, WIDTH["m"])

    def cut(self, grain: Coarse, starts: Sequence[int]) -> set[int]:
        """The hours (or days) of which not all finer buckets are there, in every partition."""
        keep_days = settings.HISTORY_MINUTES_DAYS if grain == "h" else settings.HISTORY_HOURS_DAYS
        oldest = self._now + MARGIN_S - keep_days * 86_400
        stored = self._stored_finer(grain, starts)
        fine: Literal["m", "d"] = "m" if grain == "h" else "d"
        known = self._known(grain, starts)
        self._read([Unit(tp, fine, at) for tp, at in known])
        gone = set()
        for (tp, at), since in known.items():
            redis = self._units[Unit(tp, fine, at)]
            is_there = (tp, at) in stored or (redis is not None and not redis.faded)
            if since <= oldest or not is_there:
                gone.add(at)
        return gone

    def _known(self, grain: Coarse, starts: Sequence[int]) -> Known:
        """Since when each partition has each of these hours or days, where it has."""
        wanted = set(starts)
        days = sorted({floor(at, WIDTH["d"]) for at in wanted})
        self._read([Unit(tp, "d", day) for day in days for tp in self._tps])
        known: Known = {}
        for tp in self._tps:
            for day in days:
                if (redis := self._units[Unit(tp, "d", day)]) is None:
                    continue
                stamps = {at: since for at, (since, _) in redis.stamps.items()}
                for at, since in stamps.items() if grain == "h" else [(day, redis.since)]:
                    known[tp, at] = since
        heads = Rollup.objects.filter(grain=grain, start__in=days).order_by()
        for tp, day, parts, since in heads.values_list("tp", "start", "parts").annotate(Min("since")):
            for at in starts_of(grain, day, parts):
                known[tp, at] = min(since, known.get((tp, at), since))
        return {place: since for place, since in known.items() if place[1] in wanted}

    def _stored_finer(self, grain: Coarse, starts: Sequence[int]) -> set[tuple[str, int]]:
        """Partition and hour (or day), where the database has the finer buckets."""
        rows = Rollup.objects.filter(grain=FINER[grain], start__in=starts).order_by()
        return set(rows.values_list("tp", "start").distinct())

    def _buckets(self, grain: Grain, spans: Sequence[Span]) -> Iterator[tuple[str, int]]:
        """The buckets of that grain that Redis has within the spans."""
        units = list(self._units_in(grain, spans))
        self._read(units)
        for unit in units:
            if (redis := self._units[unit]) is None:
                continue
            for at in [unit.start] if grain == "d" else sorted(redis.stamps):
                if any(low <= at < high for low, high in spans):
                    yield unit.tp, at

    def _units_in(self, grain: Grain, spans: Sequence[Span]) -> Iterator[Unit]:
        """The units of Redis that may have such buckets."""
        width = WIDTH["h"] if grain == "m" else WIDTH["d"]
        days = self._days()
        for low, high in spans:
            for tp in self._tps:
                if grain == "m":
                    hours = range(floor(low, width), ceil(high, width), width)
                    yield from (Unit(tp, "m", at) for at in hours if floor(at, WIDTH["d"]) in days[tp])
                else:
                    yield from (Unit(tp, "d", day) for day in days[tp] if low < day + width and day < high)

    def _days(self) -> dict[str, set[int]]:
        """The days that Redis has of each partition."""
        if self._days_of is None:
            pipe = self._client.pipeline(transaction=False)
            for tp in self._tps:
                pipe.zrange(self._keys.days(tp), 0, -1)
            answers = pipe.execute() if self._tps else []
            self._days_of = {tp: set(map(int, days)) for tp, days in zip(self._tps, answers, strict=True)}
        return self._days_of

    def _read(self, units: Sequence[Unit]) -> None:
        wanted = [unit for unit in dict.fromkeys(units) if unit not in self._units]
        if not wanted:
            return
        found = read_presences(self._client, self._keys, self._lives, wanted, self._now)
        self._units.update({unit: found.get(unit) for unit in wanted})
