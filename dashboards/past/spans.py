"""Read the buckets of a range, from Redis and database as one. ranges.py picks -> here -> selectors.py.

What can't have changed since this process read it last is not read again: rows of the database, and the
buckets of units in Redis that are settled (remembered.py). So a range costs what is new in it.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple, TypeVar

import redis

from dashboards.counting.store import count_unions, live_partitions, merge_sets, read_hashes, sum_hashes
from dashboards.folds import FOLDS
from dashboards.keys import Bucket, Grain, Keys, split_partition
from dashboards.past.heads import have_moved
from dashboards.past.joined import Row, RowReplaced, Stored, find_stored
from dashboards.past.ranges import Cover, cover
from dashboards.past.remembered import BYTES_A_NUMBER, REMEMBERED
from dashboards.past.rollups import unit_of

TRIES = 3  # of a reading while buckets leave Redis, or rows are replaced
Sums = dict[str, int]
Kinds = Mapping[str, Mapping[str, int]]  # kind -> name -> number, of fields `kind|name`
Answer = TypeVar("Answer")


class Places(NamedTuple):
    """The buckets that Redis has of one partition: those that are settled, and those that may just change."""

    settled: tuple[tuple[Grain, int, int], ...]  # the last change of each, epoch ms
    open: tuple[tuple[Grain, int], ...]


@dataclass
class Parts:
    """Where one fold's figures of a range are."""

    fold: str
    rows: tuple[Row, ...]
    places: dict[str, Places]  # by partition

    @property
    def is_base(self) -> bool:
        """Whether there is anything that can't change."""
        return bool(self.rows) or any(places.settled for places in self.places.values())

    @property
    def is_stored(self) -> bool:
        """Whether all of that is in the database."""
        return not any(places.settled for places in self.places.values())

    @property
    def is_settled(self) -> bool:
        """Whether nothing of it can change."""
        return not any(places.open for places in self.places.values())

    def name(self, what: str, keys: Keys) -> Hashable:
        """What that is remembered by."""
        settled = tuple((tp, places.settled) for tp, places in self.places.items() if places.settled)
        return what, keys.prefix, self.fold, self.rows, settled

    @property
    def weight(self) -> int:
        """How many numbers, about, are in that name."""
        return len(self.rows) + sum(len(places.settled) for places in self.places.values())

    def stored(self) -> "Parts":
        """What of it is in the database."""
        return Parts(self.fold, self.rows, {})

    def settled(self, keys: Keys) -> list[list[str]]:
        """Its keys, by partition."""
        return [
            [keys.bucket(tp, grain, at, self.fold) for grain, at, _ in places.settled]
            for tp, places in self.places.items()
        ]

    def open(self, keys: Keys) -> list[list[str]]:
        """The keys of the others."""
        return [
            [keys.bucket(tp, grain, at, self.fold) for grain, at in places.open]
            for tp, places in self.places.items()
        ]


class Summed(NamedTuple):
    """A fold's figures of a range, before they are added up."""

    part: Parts
    base: Mapping[str, int]  # of what can't have changed; not to be changed
    more: list[Mapping[str, int]]


class Span:
    """Reads the buckets of one range, from Redis and the database."""

    def __init__(self, client: redis.Redis, keys: Keys, chosen: Cover) -> None:
        self.client, self.keys, self.cover = client, keys, chosen
        self.tps = chosen.heads.tps
        self._stored = Stored()
        self._loaded: set[str] = set()

    def load(self, *folds: str) -> None:
        """Find the rows of these folds, all at once."""
        wanted = [fold for fold in folds if fold not in self._loaded]
        if wanted:
            found = find_stored(self.cover, wanted)
            self._stored.rows.update(found.rows)
            self._stored.held |= found.held
            self._loaded.update(wanted)

    def sums(self, *folds: str) -> dict[str, Sums]:
        """Each fold's fields summed over the range and all partitions."""
        found = self._steadily(folds, self._summed)
        return {fold: _added(summed.base, summed.more) for fold, summed in found.items()}

    def sums_by_kind(self, fold: str, *others: str) -> tuple[Kinds, dict[str, Sums]]:
        """The fold's, whose fields are `kind|name`, by kind and name; those of the others as sums()."""
        found = self._steadily((fold, *others), self._summed)
        first = found.pop(fold)
        return self._kinds(first), {fold: _added(some.base, some.more) for fold, some in found.items()}

    def _kinds(self, summed: Summed) -> Kinds:
        name = summed.part.name("kinds", self.keys)
        base: Kinds | None = REMEMBERED.get(name)
        if base is None:
            base = _by_kind({}, [summed.base])
            REMEMBERED.put(name, base, len(summed.base) + summed.part.weight)
        return _by_kind(base, summed.more) if any(summed.more) else base

    def distinct(self, *folds: str) -> list[int]:
        """How many distinct members each fold's sets have together (0.81 % standard error)."""
        return self._steadily(folds, self._distinct)

    def _steadily(self, folds: Sequence[str], read: Callable[[Sequence[str]], Answer]) -> Answer:
        """What is read, with the rows found anew where one was replaced meanwhile."""
        for _ in range(TRIES):
            self.load(*folds)
            try:
                return read(folds)
            except RowReplaced:
                self.cover.heads.listed.renew()
                self._stored, self._loaded = Stored(), set()
        self.load(*folds)
        return read(folds)

    def _summed(self, folds: Sequence[str]) -> dict[str, Summed]:
        parts = [self._parts(fold) for fold in folds]
        bases = {part.fold: REMEMBERED.get(part.name("sums", self.keys)) for part in parts}
        missing = [part for part in parts if bases[part.fold] is None and part.is_base]
        of_rows = self._rows_summed(missing)
        groups = [(part, names, True) for part in missing for names in part.settled(self.keys)]
        groups += [(part, names, False) for part in parts for names in part.open(self.keys)]
        found = sum_hashes(self.client, [names for _, names, _ in groups])
        more: dict[tuple[str, bool], list[Mapping[str, int]]] = defaultdict(list)
        for (part, _, is_settled), fields in zip(groups, found, strict=True):
            more[part.fold, is_settled].append(fields)
        for part in missing:
            bases[part.fold] = base = _added(of_rows[part.fold], more[part.fold, True])
            REMEMBERED.put(part.name("sums", self.keys), base, len(base) + part.weight)
        return {part.fold: Summed(part, bases[part.fold] or {}, more[part.fold, False]) for part in parts}

    def _rows_summed(self, parts: Sequence[Parts]) -> dict[str, Mapping[str, int]]:
        """By fold: the sum of its rows, which is the same when another hour in Redis has settled."""
        stored = [part.stored() for part in parts]
        sums = {part.fold: REMEMBERED.get(part.name("sums", self.keys)) for part in stored}
        missing = [part for part in stored if sums[part.fold] is None]
        values = self._stored.read(part.fold for part in missing)
        for part in missing:
            rows = (some for _, some in values[part.fold] if isinstance(some, dict))
            sums[part.fold] = found = _added({}, rows)
            REMEMBERED.put(part.name("sums", self.keys), found, len(found) + part.weight)
        return sums

    def _distinct(self, folds: Sequence[str]) -> list[int]:
        parts = [self._parts(fold) for fold in folds]
        counts = [REMEMBERED.get(part.name("count", self.keys)) for part in parts if part.is_settled]
        if len(counts) == len(parts) and None not in counts:
            return counts
        bases = self._merged(parts)
        known = [[bases[part.fold]] if part.fold in bases else [] for part in parts]
        open_ = [part.open(self.keys) for part in parts]
        found = count_unions(self.client, list(zip(open_, known, strict=True)))
        for part, count in zip(parts, found, strict=True):
            if part.is_settled:
                REMEMBERED.put(part.name("count", self.keys), count, 1 + part.weight)
        return found

    def _merged(self, parts: Sequence[Parts]) -> dict[str, bytes]:
        """By fold: one set of what can't have changed, where there is any."""
        known = {part.fold: REMEMBERED.get(part.name("sets", self.keys)) for part in parts}
        bases = {fold: text for fold, text in known.items() if text is not None}
        missing = [part for part in parts if part.fold not in bases and part.is_base]
        of_rows = self._rows_merged([part for part in missing if part.rows])
        bases.update(of_rows)
        more = [part for part in missing if not part.is_stored]
        wanted = [(part.settled(self.keys), [of_rows[part.fold]] if part.rows else []) for part in more]
        self._remember_sets(bases, more, merge_sets(self.client, wanted))
        return bases

    def _rows_merged(self, parts: Sequence[Parts]) -> dict[str, bytes]:
        """By fold: one set of its rows, as _rows_summed()."""
        stored = [part.stored() for part in parts]
        sets = {part.fold: REMEMBERED.get(part.name("sets", self.keys)) for part in stored}
        missing = [part for part in stored if sets[part.fold] is None]
        values = self._stored.read(part.fold for part in missing)
        texts = [[some for _, some in values[part.fold] if isinstance(some, bytes)] for part in missing]
        self._remember_sets(sets, missing, merge_sets(self.client, [((), of) for of in texts]))
        return sets

    def _remember_sets(self, sets: dict[str, bytes], parts: Sequence[Parts], merged: Sequence[bytes]) -> None:
        for part, text in zip(parts, merged, strict=True):
            sets[part.fold] = text
            weight = len(text) // BYTES_A_NUMBER + 1 + part.weight
            REMEMBERED.put(part.name("sets", self.keys), text, weight)

    def each(self, *folds: str) -> dict[int, dict[str, Sums]]:
        """Each bucket's start -> fold -> fields, all partitions summed; for a cover of one grain."""
        for _ in range(TRIES):
            try:
                return self._each(folds)
            except RowReplaced:
                self.cover.heads.listed.renew()
        return self._each(folds)

    def _each(self, folds: Sequence[str]) -> dict[int, dict[str, Sums]]:
        stored = find_stored(self.cover, folds, by_bucket=True)
        values = stored.read(folds)
        found: dict[int, dict[str, Sums]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        groups = [(fold, self._buckets(tp, fold, stored)) for fold in folds for tp in self.tps_of(fold)]
        names = [[self.keys.bucket(*place) for place in places] for _, places in groups]
        for (fold, places), hashes in zip(groups, read_hashes(self.client, names), strict=True):
            for place, fields in zip(places, hashes, strict=True):
                if fields:
                    _add(found[place.start][fold], fields)
        for fold in folds:
            for at, more in values[fold]:
                if isinstance(more, dict):
                    _add(found[at][fold], more)
        return found

    def moved(self) -> bool:
        """Whether buckets left Redis since the cover was made, or an hour grew: then read it again."""
        return have_moved(self.client, self.keys, self.cover.heads, self.cover.stretched)

    def _parts(self, fold: str) -> Parts:
        """What of a fold can't have changed since it was read, and what may have."""
        tps = self.tps_of(fold)
        if any(of == fold for _, of in self._stored.held):
            places = {tp: self._places_of(tp, fold) for tp in tps}
        else:
            places = {tp: self._places[tp] for tp in tps}
        return Parts(fold, tuple(self._stored.rows.get(fold, ())), places)

    @cached_property
    def _places(self) -> dict[str, Places]:
        return {tp: self._places_of(tp) for tp in self.tps}

    def _places_of(self, tp: str, fold: str = "") -> Places:
        settled, open_ = [], []
        for _, grain, at, _ in self._buckets(tp, fold, self._stored):
            if version := self._version(tp, grain, at):
                settled.append((grain, at, version))
            else:
                open_.append((grain, at))
        return Places(tuple(settled), tuple(open_))

    def _version(self, tp: str, grain: Grain, at: int) -> int:
        """When the bucket changed last; 0 where that may have been just now, or it may be about to expire."""
        owner = self.cover.heads.known(unit_of(tp, grain, at))
        if owner is None:
            return 0
        return owner.version if grain == "d" else owner.version_of(at) or 0

    def tps_of(self, fold: str) -> list[str]:
        """The partitions that have such figures."""
        topics = {known.topic for known in FOLDS if known.name == fold}
        return [tp for tp in self.tps if not topics or split_partition(tp)[0] in topics]

    def _buckets(self, tp: str, fold: str, stored: Stored) -> list[Bucket]:
        held = stored.held
        return [
            Bucket(tp, grain, at, fold)
            for grain, at in self.cover.buckets[tp]
            if not held or (unit_of(tp, grain, at), fold) not in held
        ]


def _add(sums: Sums, fields: Mapping[str, int]) -> None:
    for name, number in fields.items():
        sums[name] += number


def _by_kind(base: Kinds, more: Iterable[Mapping[str, int]]) -> Kinds:
    """A new sum of all of them."""
    kinds = {kind: dict(fields) for kind, fields in base.items()}
    for fields in more:
        for field, number in fields.items():
            kind, _, name = field.partition("|")
            if kind not in kinds:
                kinds[kind] = {}
            kinds[kind][name] = kinds[kind].get(name, 0) + number
    return kinds


def _added(base: Mapping[str, int], more: Iterable[Mapping[str, int]]) -> Sums:
    """A new sum of all of them."""
    sums: Sums = defaultdict(int, base)
    for fields in more:
        _add(sums, fields)
    return sums


def read_span(client: redis.Redis, start: datetime, end: datetime, take: Callable[[Span], Answer]) -> Answer:
    """What `take` reads of [start, end), read again where buckets left Redis meanwhile."""

    def choose(keys: Keys, tps: Sequence[str], left: int) -> Cover:
        return cover(client, keys, tps, start, end, stretch=left > 0)

    return read_steadily(client, choose, take)


def read_steadily(
    client: redis.Redis, choose: Callable[[Keys, Sequence[str], int], Cover], take: Callable[[Span], Answer]
) -> Answer:
    """What `take` reads of a cover, anew where buckets left Redis meanwhile, `left` more times at most."""
    for left in reversed(range(TRIES)):
        keys, tps = live_partitions(client)
        span = Span(client, keys, choose(keys, tps, left))
        answer = take(span)
        if not span.moved():
            break
    return answer
