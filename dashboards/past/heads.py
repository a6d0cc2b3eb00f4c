"""Which buckets there are, by Redis's indexes and rows' heads. presence.py, Rollup -> here -> ranges.py."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, NamedTuple

import redis
from django.conf import settings
from django.db.models import Min, Q

from dashboards.counting.scripts import Call, run, script
from dashboards.keys import WIDTH, Grain, Keys
from dashboards.models import Rollup
from dashboards.past.borders import Span, ceil, floor, joined
from dashboards.past.listed import Listed
from dashboards.past.presence import MARGIN_S, index_key, read_heads
from dashboards.past.rollups import Life, Presence, Unit, UnitGrain, starts_of

Known = dict[tuple[str, int], int]  # partition and bucket -> when it was first written, epoch seconds
Coarse = Literal["h", "d"]
FINER: dict[Coarse, Grain] = {"d": "h", "h": "m"}
STAYED = script("stayed.lua")
FEW_DAYS = 3  # of these, all grains are read at once
DAYS_A_QUERY = 300


class Stored(NamedTuple):
    """What the rows of one unit and grain say."""

    since: int  # when the first was first written, epoch seconds
    parts: int  # rollups.parts_of()


# by grain and day: what the rows of each partition's units say, by partition and start
RowHeads = dict[tuple[Grain, int], dict[tuple[str, int], Stored]]


class Heads:
    """Reads heads of partitions, indexes and heads of rows, each once."""

    def __init__(
        self, client: redis.Redis, keys: Keys, tps: Sequence[str], near: Sequence[float] = ()
    ) -> None:
        """near: moments whose hours and days are asked for soon, so that one round trip reads all."""
        self._client, self._keys, self.tps = client, keys, tps
        self._units: dict[Unit, Presence | None] = {}
        self._stored: RowHeads = {}
        soon: list[tuple[UnitGrain, int]] = []
        for at in near:
            soon += [("d", floor(at, WIDTH["d"])), ("m", floor(at, WIDTH["h"]))]
        units = {tp: [Unit(tp, grain, at) for grain, at in dict.fromkeys(soon)] for tp in tps}
        heads, found = read_heads(client, keys, units)
        self._units.update({unit: found.get(unit) for some in units.values() for unit in some})
        self._now = min((head.now for head in heads.values()), default=int(time.time()))
        self.lives: dict[str, Life] = {tp: head.life for tp, head in heads.items()}
        self._days = {tp: head.days for tp, head in heads.items()}
        self.listed = Listed(keys.prefix)

    @property
    def presences(self) -> dict[Unit, Presence]:
        """The units that were read, where Redis has them."""
        return {unit: redis for unit, redis in self._units.items() if redis is not None}

    def read(self, units: Sequence[Unit]) -> None:
        """Read these, where they were not read before."""
        wanted: dict[str, list[Unit]] = {}
        for unit in dict.fromkeys(units):
            if unit not in self._units:
                wanted.setdefault(unit.tp, []).append(unit)
        if wanted:
            _, found = read_heads(self._client, self._keys, wanted)
            self._units.update({unit: found.get(unit) for some in wanted.values() for unit in some})

    def known(self, unit: Unit) -> Presence | None:
        """What Redis has of a unit, where that was read; None also where it was not."""
        return self._units.get(unit)

    def widened(self, at: float, up: bool) -> int:
        """A bound, moved to the border of the finest bucket that is still kept there."""
        return _widened(at, up, lambda grain, start: bool(self.cut(grain, [start])))

    def widened_edges(self, edges: Sequence[int]) -> list[int]:
        """Bounds of many buckets, each as widened(): the first one down, the others up."""
        grains: tuple[Coarse, ...] = ("d", "h")
        gone = {grain: self.cut(grain, sorted({floor(at, WIDTH[grain]) for at in edges})) for grain in grains}
        return [
            _widened(at, place > 0, lambda grain, start: start in gone[grain])
            for place, at in enumerate(edges)
        ]

    def cut(self, grain: Coarse, starts: Sequence[int]) -> set[int]:
        """The hours (or days) of which not all finer buckets are there, in every partition."""
        keep_days = settings.HISTORY_MINUTES_DAYS if grain == "h" else settings.HISTORY_HOURS_DAYS
        oldest = self._now + MARGIN_S - keep_days * 86_400
        stored = self._rows(FINER[grain], sorted({floor(at, WIDTH["d"]) for at in starts}))
        fine: Literal["m", "d"] = "m" if grain == "h" else "d"
        known = self._known(grain, starts)
        self.read([Unit(tp, fine, at) for tp, at in known])
        gone = set()
        for (tp, at), since in known.items():
            redis = self._units[Unit(tp, fine, at)]
            is_there = (tp, at) in stored or (redis is not None and not redis.faded)
            if since <= oldest or not is_there:
                gone.add(at)
        return gone

    def lies_within(self, hour: int, span: Span) -> bool:
        """Whether all that is known of an hour lies in a part of it, so that the hour may be read whole."""
        units = [Unit(tp, "m", hour) for tp in self.tps]
        days = [Unit(tp, "d", floor(hour, WIDTH["d"])) for tp in self.tps]
        self.read([*units, *days])
        stored = self._rows("m", [floor(hour, WIDTH["d"])])
        minutes = {
            at
            for (_, start), row in stored.items()
            if start == hour
            for at in starts_of("m", hour, row.parts)
        }
        for unit, day in zip(units, days, strict=True):
            redis, of_day = self._units[unit], self._units[day]
            if redis is not None and not redis.faded:
                minutes.update(redis.stamps)
            elif of_day is not None and hour in of_day.stamps:
                return False
        return all(span[0] <= at < span[1] for at in minutes)

    def _known(self, grain: Coarse, starts: Sequence[int]) -> Known:
        """Since when each partition has each of these hours or days, where it has."""
        wanted = set(starts)
        days = sorted({floor(at, WIDTH["d"]) for at in wanted})
        self.read([Unit(tp, "d", day) for day in days for tp in self.tps])
        known: Known = {}
        for tp in self.tps:
            for day in days:
                if (redis := self._units[Unit(tp, "d", day)]) is None:
                    continue
                stamps = {at: stamp.made for at, stamp in redis.stamps.items()}
                for at, since in stamps.items() if grain == "h" else [(day, redis.since)]:
                    known[tp, at] = since
        for (tp, start), row in self._rows(grain, days).items():
            for at in starts_of(grain, start, row.parts):
                known[tp, at] = min(row.since, known.get((tp, at), row.since))
        return {place: since for place, since in known.items() if place[1] in wanted}

    def _rows(self, grain: Grain, days: Sequence[int]) -> Mapping[tuple[str, int], Stored]:
        """Partition and start of what the database has of that grain in these days."""
        grains: tuple[Grain, ...] = ("m", "h", "d") if len(days) <= FEW_DAYS else (grain,)
        wanted = sorted({day for day in days if (grain, day) not in self._stored})
        for first in range(0, len(wanted), DAYS_A_QUERY):
            some = tuple(wanted[first : first + DAYS_A_QUERY])
            self._stored.update(self.listed(("heads", grains, some), partial(_row_heads, grains, some)))
        if len(days) == 1:
            return self._stored[grain, days[0]]
        return {place: row for day in days for place, row in self._stored[grain, day].items()}

    def buckets(self, grain: Grain, spans: Sequence[Span]) -> Iterator[tuple[str, int]]:
        """The buckets of that grain that Redis has within the spans."""
        units = list(dict.fromkeys(self._units_in(grain, spans)))
        self.read(units)
        for unit in units:
            if (redis := self._units[unit]) is None:
                continue
            for at in [unit.start] if grain == "d" else sorted(redis.stamps):
                if any(low <= at < high for low, high in spans):
                    yield unit.tp, at

    def _units_in(self, grain: Grain, spans: Sequence[Span]) -> Iterator[Unit]:
        """The units of Redis that may have such buckets."""
        width = WIDTH["h"] if grain == "m" else WIDTH["d"]
        for low, high in spans:
            for tp in self.tps:
                days = self._days[tp]
                if grain == "m":
                    hours = range(floor(low, width), ceil(high, width), width)
                    yield from (Unit(tp, "m", at) for at in hours if floor(at, WIDTH["d"]) in days)
                else:
                    yield from (Unit(tp, "d", day) for day in days if low < day + width and day < high)


def _widened(at: float, up: bool, is_cut: Callable[[Coarse, int], bool]) -> int:
    grains: tuple[Coarse, ...] = ("d", "h")
    for grain in grains:
        width = WIDTH[grain]
        if at % width == 0:
            return int(at)
        if is_cut(grain, floor(at, width)):
            return ceil(at, width) if up else floor(at, width)
    return ceil(at, WIDTH["m"]) if up else floor(at, WIDTH["m"])


def _row_heads(grains: Sequence[Grain], days: Sequence[int]) -> RowHeads:
    """What the database has in these days."""
    found: RowHeads = {(grain, day): {} for grain in grains for day in days}
    within = Q()
    for low, high in joined((day, day + WIDTH["d"]) for day in days):
        within |= Q(start__gte=low, start__lt=high)
    heads = Rollup.objects.filter(within, grain__in=grains).order_by()
    for grain, tp, start, parts, since in heads.values_list("grain", "tp", "start", "parts").annotate(
        Min("since")
    ):
        of_day = found[grain, floor(start, WIDTH["d"])]
        before = of_day.get((tp, start), Stored(since, 0))
        of_day[tp, start] = Stored(min(since, before.since), parts | before.parts)
    return found


def have_moved(client: redis.Redis, keys: Keys, heads: Heads, stretched: Mapping[int, Span]) -> bool:
    """Whether buckets left Redis since, or Redis knows more of these hours than the part that all lay in."""
    calls = []
    for tp in heads.tps:
        indexes = [index_key(keys, Unit(tp, "m", hour)) for hour in stretched]
        bounds = [at for span in stretched.values() for at in span]
        calls.append(Call([keys.moves(tp), *indexes], [heads.lives[tp].moves, *bounds]))
    return not all(run(client, STAYED, calls))
