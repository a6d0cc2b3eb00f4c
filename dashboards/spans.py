"""Read the buckets of a range, from Redis and database as one. ranges.py picks -> here -> selectors.py."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

import redis

from dashboards.joined import Stored, read_stored
from dashboards.keys import Bucket, Keys
from dashboards.presence import read_lives
from dashboards.ranges import Cover, cover, exactly, kept
from dashboards.rollups import unit_of
from dashboards.store import count_unions, live_keys, partitions, read_hashes, sum_hashes

TRIES = 3  # of a reading while buckets leave Redis
Sums = dict[str, int]
Answer = TypeVar("Answer")


class Span:
    """Reads the buckets of one range, from Redis and the database."""

    def __init__(self, client: redis.Redis, keys: Keys, chosen: Cover) -> None:
        self._client, self._keys, self.cover = client, keys, chosen
        self.tps = list(chosen.buckets)
        self._stored = Stored()
        self._loaded: set[str] = set()

    def load(self, *folds: str) -> None:
        """Read the rows of these folds, all at once."""
        wanted = [fold for fold in folds if fold not in self._loaded]
        if wanted:
            found = read_stored(self.cover, wanted)
            self._stored.values.update(found.values)
            self._stored.held |= found.held
            self._loaded.update(wanted)

    def sums(self, *folds: str) -> dict[str, Sums]:
        """Each fold's fields summed over the range and all partitions."""
        self.load(*folds)
        groups = [(fold, self._names(tp, fold)) for fold in folds for tp in self.tps]
        sums: dict[str, Sums] = {fold: defaultdict(int) for fold in folds}
        found = sum_hashes(self._client, [names for _, names in groups])
        for (fold, _), part in zip(groups, found, strict=True):
            _add(sums[fold], part)
        for fold in folds:
            for _, more in self._stored.counts(fold):
                _add(sums[fold], more)
        return sums

    def distinct(self, *folds: str) -> list[int]:
        """How many distinct members each fold's sets have together (0.81 % standard error)."""
        self.load(*folds)
        wanted = [([self._names(tp, fold) for tp in self.tps], self._stored.sets(fold)) for fold in folds]
        return count_unions(self._client, wanted)

    def each(self, *folds: str) -> dict[int, dict[str, Sums]]:
        """Each bucket's start -> fold -> fields, all partitions summed; for a cover of one grain."""
        stored = read_stored(self.cover, folds, by_bucket=True)
        self._stored.held |= stored.held
        found: dict[int, dict[str, Sums]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
        groups = [(fold, self._buckets(tp, fold)) for fold in folds for tp in self.tps]
        names = [[self._keys.bucket(*place) for place in places] for _, places in groups]
        for (fold, places), hashes in zip(groups, read_hashes(self._client, names), strict=True):
            for place, fields in zip(places, hashes, strict=True):
                if fields:
                    _add(found[place.start][fold], fields)
        for fold in folds:
            for at, more in stored.counts(fold):
                _add(found[at][fold], more)
        return found

    def by_minute(self, *folds: str) -> tuple[dict[int, dict[str, Sums]], bool]:
        """Each minute of the range -> fold -> fields, and whether all are still known one by one."""
        spans, whole = kept(self._client, self._keys, self.tps, "h", (self.cover.start, self.cover.end))
        if not spans:
            return {}, whole
        chosen = exactly(self._client, self._keys, self.tps, "m", spans)
        return Span(self._client, self._keys, chosen).each(*folds), whole

    def moved(self) -> bool:
        """Whether buckets left Redis since the cover was made: what was read may miss them."""
        lives = read_lives(self._client, self._keys, self.tps) if self.tps else {}
        return any(lives[tp].moves != self.cover.lives[tp].moves for tp in self.tps)

    def _names(self, tp: str, fold: str) -> list[str]:
        return [self._keys.bucket(*place) for place in self._buckets(tp, fold)]

    def _buckets(self, tp: str, fold: str) -> list[Bucket]:
        held = self._stored.held
        return [
            Bucket(tp, grain, at, fold)
            for grain, at in self.cover.buckets[tp]
            if not held or (unit_of(tp, grain, at), fold) not in held
        ]


def _add(sums: Sums, fields: Mapping[str, int]) -> None:
    for name, number in fields.items():
        sums[name] += number


def read_span(client: redis.Redis, start: datetime, end: datetime, take: Callable[[Span], Answer]) -> Answer:
    """What `take` reads of [start, end), read again where buckets left Redis meanwhile."""
    for _ in range(TRIES):
        keys = live_keys(client)
        span = Span(client, keys, cover(client, keys, partitions(client, keys), start, end))
        answer = take(span)
        if not span.moved():
            break
    return answer
