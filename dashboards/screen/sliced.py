"""The single fields that the filters in use look at, kept in this process. Redis -> here -> filtered.py.

Beside the Window, which holds what everybody sees: here a bucket's few wanted fields are read, never all of
it, for all filters at once. So one more filter costs its own fields, and a second viewer of it nothing.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dashboards.keys import Bucket, Grain, split_partition
from dashboards.screen.window import CHUNK, Tally, Window
from shopsite.events.redis import queue


class Source(NamedTuple):
    """Where a field is kept: the buckets of one fold and grain, those of one topic."""

    grain: Grain
    fold: str
    topic: str


Needs = Mapping[Source, frozenset[str]]


def together(some: Iterable[Needs]) -> Needs:
    """What is needed by any of them."""
    found: defaultdict[Source, frozenset[str]] = defaultdict(frozenset)
    for needs in some:
        for source, fields in needs.items():
            found[source] |= fields
    return dict(found)


class Slices:
    """The wanted fields of the buckets that are shown; read by the task that makes frames."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._tallies: defaultdict[Source, Tally] = defaultdict(Tally)
        self._kept: Needs = {}
        self._due: set[Bucket] = set()

    def total(self, source: Source, field: str) -> int:
        """The field's sum over all that is shown of its grain."""
        return self._tallies[source].total.get(field, 0)

    def by_start(self, source: Source, field: str) -> dict[int, int]:
        """The field's number in each bucket that has it."""
        sums: dict[int, int] = {}
        for (start, _), fields in self._tallies[source].buckets.items():
            if number := fields.get(field, 0):
                sums[start] = sums.get(start, 0) + number
        return sums

    def touch(self, tp: str, names: Iterable[bytes]) -> None:
        """Note which of the kept buckets a batch changed, and the hours that hold them."""
        topic, _ = split_partition(tp)
        for name in names:
            place = self._window.keys.parse(name)
            if place is None:
                continue
            if (place.grain, place.fold, topic) in self._kept:
                self._due.add(place)
            if place.grain == "m" and ("h", place.fold, topic) in self._kept:
                self._due.add(place._replace(grain="h", start=place.start - place.start % 3600))

    async def read(self, needs: Needs, now: float) -> None:
        """Read the fields that are wanted for the first time everywhere, the others where they changed."""
        first = self._window.first(now)
        reads = [
            (place, needs[source])
            for place, source in self._touched(needs)
            if place.start >= first[place.grain]
        ]
        for source, fields in needs.items():
            if new := fields - self._kept.get(source, frozenset()):
                reads += [(place, new) for place in self._places(source, now)]
        self._kept = needs
        for first_read in range(0, len(reads), CHUNK):
            await self._read(reads[first_read : first_read + CHUNK])
        for source, tally in self._tallies.items():
            tally.forget(first[source.grain])

    def _touched(self, needs: Needs) -> list[tuple[Bucket, Source]]:
        due, self._due = self._due, set()
        found = [(place, Source(place.grain, place.fold, split_partition(place.tp)[0])) for place in due]
        return [(place, source) for place, source in found if source in needs]

    def _places(self, source: Source, now: float) -> list[Bucket]:
        return [
            Bucket(tp, source.grain, start, source.fold)
            for start in self._window.starts(source.grain, now)
            for tp in self._window.of(source.topic)
        ]

    async def _read(self, reads: list[tuple[Bucket, frozenset[str]]]) -> None:
        async with self._window.redis.pipeline(transaction=False) as pipe:
            for place, fields in reads:
                queue(pipe, "HMGET", self._window.keys.bucket(*place), *fields)
            answers = await pipe.execute()
        for (place, fields), numbers in zip(reads, answers, strict=True):
            tally = self._tallies[Source(place.grain, place.fold, split_partition(place.tp)[0])]
            new = {field: int(number) for field, number in zip(fields, numbers, strict=True) if number}
            old = tally.buckets.get((place.start, place.tp), {})
            kept = {field: number for field, number in old.items() if field not in fields}
            if kept or new or old:
                tally.put(place.start, place.tp, kept | new)
        await asyncio.sleep(0)
