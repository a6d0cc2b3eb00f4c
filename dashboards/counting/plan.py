"""What fence.lua is told of one batch. batch.py's figures -> here -> store.py -> fence.lua.

The buckets that a batch changes are numbered, so that the script's keys are declared and a mapping that
goes into a minute, its hour and its day is sent once.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from dashboards.counting.batch import Figures, Place
from dashboards.counting.capped import shorten
from dashboards.counting.steps import FULL
from dashboards.folds import FOLDS
from dashboards.folds.base import OFF, OTHER, AnyFold, Cap, Counts
from dashboards.keys import (
    GRAINS,
    IDS_MS,
    RECENT_EVENTS,
    SEEN_SECONDS,
    WIDTH,
    Grain,
    Keys,
    changes_channel,
    retention,
)

WIDER: Mapping[Grain, Grain] = {"m": "h", "h": "d"}
MERGED = 250  # members: to add so many to a set takes Redis longer than to merge one that has them
EXACT = 2**53  # Lua's numbers are doubles: a larger whole number travels as text
Fields = Mapping[str, int] | Mapping[str, int | str]
# buckets, what is added to each, the most fields of each (0: no cap), whether the fields have kinds
CountsEntry = tuple[list[int], Fields, list[int], bool]


class Limit(NamedTuple):
    """How large a fold's buckets may get."""

    cap: Cap
    has_kinds: bool


def caps(folds: Iterable[AnyFold]) -> dict[str, Limit]:
    """The limits of the folds that have one, by name."""
    counts = [fold for fold in folds if isinstance(fold, Counts)]
    return {fold.name: Limit(fold.cap, fold.has_kinds) for fold in counts if fold.cap}


CAPS = caps(FOLDS)


class ForeignFigures(NamedTuple):
    """What one stock event of another system adds, if its id is new."""

    event_id: str
    clock_ms: int
    figures: Figures


@dataclass(slots=True)
class Batch:
    """Everything that the offsets [first, next) of one partition change."""

    tp: str
    first: int
    next: int
    fresh: bool = False  # nothing is stored yet: `first` is where the log begins
    gap: bool = False  # these offsets are gone from the log: only told, nothing to add
    seq: int = 0
    figures: Sequence[Figures] = ()
    foreign: Sequence[ForeignFigures] = ()
    seen: Mapping[str, int] = field(default_factory=dict)  # visitor -> last seen, epoch ms
    steps: Mapping[int, bytes] = field(default_factory=dict)  # start of a minute -> what steps.py packed
    recent: Sequence[str] = ()  # JSON, oldest first


class Plan(msgspec.Struct, rename={"start": "from"}):
    """The first argument of fence.lua. Buckets are named by their place in KEYS."""

    expected: str
    start: int
    to: int
    gap: bool
    seq: int
    counts: list[CountsEntry]
    members: list[tuple[int, list[str]]]
    merges: list[tuple[int, list[int]]]  # sets that take in others, after these have got their members
    foreign: list[tuple[str, int, list[CountsEntry]]]
    index: list[tuple[int, list[int]]]
    keep: list[int]  # seconds to keep each bucket
    days: list[int]
    keep_days: int
    seen: list[int | str]  # score, member, score, member ...
    steps: list[int]  # the minutes' keys
    recent: Sequence[str]
    other: str = OTHER
    off: str = OFF
    ids_ms: int = IDS_MS
    seen_seconds: int = SEEN_SECONDS
    recent_events: int = RECENT_EVENTS
    full: int = FULL


Unsent = Callable[[str, set[str]], set[str]]  # key, members -> those that the set may lack


class _Set(NamedTuple):
    number: int
    unsent: set[str]
    parts: list["_Set"]  # an hour's minutes, a day's hours, of this batch

    @property
    def takes_in(self) -> bool:
        """Whether it is told its parts instead of its members."""
        return len(self.unsent) > MERGED * len(self.parts) > 0


class Draft:
    """A batch on its way to become a plan."""

    def __init__(self, keys: Keys, batch: Batch, unsent: Unsent) -> None:
        self._keys, self._batch, self._unsent = keys, batch, unsent
        self._number: dict[str, int] = {}
        self._keep: list[int] = []
        self._finer: dict[int, set[int]] = defaultdict(set)
        self._days: set[int] = set()
        self._touched: list[str] = []
        self._now = int(time.time())
        self._retention = {grain: retention(grain) for grain in GRAINS}
        tp = batch.tp
        self._fixed = [
            *(keys.offset(tp), keys.seq(tp), keys.ids(tp), keys.gaps(tp)),
            *(keys.days(tp), keys.seen(tp), keys.recent(tp), keys.misfits(tp), keys.begun(tp)),
        ]
        self.new_members: dict[str, set[str]] = {}  # by key: what minutes' sets have once it is applied
        self.plan = self._make_plan()

    @property
    def all_keys(self) -> list[str]:
        """The script's KEYS."""
        return [*self._fixed, *self._number]

    def args(self) -> list[bytes | str]:
        """The script's ARGV: the plan, the channel of changes, what is told there."""
        told = (self._batch.tp, self._batch.next, int(time.time() * 1000), self._touched)
        # Redis's Lua reads msgpack's strings, not its byte strings: so these are arguments of their own
        plan = msgspec.msgpack.encode(self.plan)
        return [plan, changes_channel(), msgspec.msgpack.encode(told), *self._batch.steps.values()]

    def _make_plan(self) -> Plan:
        batch = self._batch
        counts = [entry for figures in batch.figures for entry in self._counts(figures)]
        sets = [some for figures in batch.figures for some in self._sets(figures)]
        foreign = [(id_, clock, self._counts(figures)) for id_, clock, figures in batch.foreign]
        steps = [self._minute_of_steps(start) for start in batch.steps]
        return Plan(
            expected="" if batch.fresh else str(batch.first),
            start=batch.first,
            to=batch.next,
            gap=batch.gap,
            seq=batch.seq,
            counts=counts,
            members=[(one.number, list(one.unsent)) for one in sets if not one.takes_in],
            merges=[(one.number, [part.number for part in one.parts]) for one in sets if one.takes_in],
            foreign=foreign,
            index=[(number, sorted(finer)) for number, finer in self._finer.items()],
            keep=self._keep,
            days=sorted(self._days),
            keep_days=retention("d"),
            seen=[part for user, at in batch.seen.items() for part in (at, user)],
            steps=steps,
            recent=batch.recent,
        )

    def _counts(self, figures: Figures) -> list[CountsEntry]:
        """The counts, each mapping once with all the buckets that share it."""
        entries: dict[tuple[int, int], CountsEntry] = {}  # by mapping and cap
        for place, fields in figures.counts.items():
            limit = CAPS.get(place.fold)
            cap: int = getattr(limit.cap, place.grain, 0) if limit else 0
            shortened = cap if cap and len(fields) > cap else 0
            if (entry := entries.get((id(fields), shortened))) is None:
                has_kinds = limit is not None and limit.has_kinds
                sent = shorten(fields, cap, has_kinds) if shortened else fields
                entry = entries[id(fields), shortened] = ([], _exact(sent), [], has_kinds)
            entry[0].append(self._bucket(place))
            entry[2].append(cap)
        return list(entries.values())

    def _sets(self, figures: Figures) -> Iterator[_Set]:
        """The sets that get members they may lack; many are sent once, for their minutes.

        Who is a member of an hour by this batch is one of its minutes, too, which are told of theirs before:
        what a minute has, its hour has, so only the minutes' members need to be remembered.
        """
        parts: dict[tuple[Grain, str, int], list[_Set]] = defaultdict(list)  # by grain, fold and start
        for place, members in figures.members.items():
            number = self._bucket(place)
            its_parts = parts[place.grain, place.fold, place.start]
            if place.grain == "m":
                key = self._keys.bucket(self._batch.tp, *place)
                if unsent := self._unsent(key, members):
                    self.new_members[key] = unsent
            else:
                unsent = set().union(*(part.unsent for part in its_parts))
            if unsent:
                one = _Set(number, unsent, its_parts)
                if wider := WIDER.get(place.grain):
                    parts[wider, place.fold, place.start - place.start % WIDTH[wider]].append(one)
                yield one

    def _bucket(self, place: Place) -> int:
        """The bucket's place in KEYS; a new one is entered into the index of its hour or day."""
        key = self._keys.bucket(self._batch.tp, *place)
        known = self._number.get(key)
        if known is not None:
            return known
        number = self._enter(key, self._retention[place.grain])
        if place.grain in "sm" and place.start >= self._now - 3600:
            self._touched.append(key)
        if place.grain == "d":
            self._days.add(place.start)
        elif place.grain in "mh":
            self._list_finer(place)
        return number

    def _minute_of_steps(self, start: int) -> int:
        key = self._keys.steps(self._batch.tp, start)
        self._touched.append(key)
        ahead = max(0, start - self._now)  # by a clock that goes before ours
        return self._enter(key, SEEN_SECONDS + 60 + ahead)

    def _list_finer(self, place: Place) -> None:
        grain: Literal["h", "d"] = "h" if place.grain == "m" else "d"
        key = self._keys.index(self._batch.tp, grain, place.start - place.start % WIDTH[grain])
        number = self._number.get(key) or self._enter(key, self._retention[grain])
        self._finer[number].add(place.start)

    def _enter(self, key: str, keep: int) -> int:
        self._number[key] = number = len(self._fixed) + len(self._number) + 1
        self._keep.append(keep)
        return number


def _exact(fields: Mapping[str, int]) -> Fields:
    """The same numbers; those that a double can't hold as text."""
    if not fields or (max(fields.values()) < EXACT and min(fields.values()) > -EXACT):
        return fields
    return {name: n if -EXACT < n < EXACT else str(n) for name, n in fields.items()}
