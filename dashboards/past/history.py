"""Write settled buckets to the database, and move old ones there. Redis -> here -> rollups.py, once a minute.

A unit that has not changed for some minutes is written as it stands; one that nobody has touched for
longer than that is deleted from Redis once its rows are committed, if nothing has touched it meanwhile
(WATCH). A crash between the two leaves both, and readers know by the offsets that they are the same.
"""

import logging
import time
from dataclasses import dataclass
from typing import cast

import redis
from django.conf import settings
from django.db.models import Max
from redis.exceptions import WatchError

from dashboards.counting.scripts import Call, queue_script, script
from dashboards.counting.store import live_generation, partitions
from dashboards.keys import Keys, generation_keys, retention
from dashboards.models import Rollup
from dashboards.past.presence import (
    FINER,
    INDEX,
    Stamps,
    ask_life,
    bucket_keys,
    index_key,
    life_of,
    presence_of,
    stamps_of,
)
from dashboards.past.rollups import Taken, Unit, Value, forget_totals, in_turn, keep, unit_of
from shopsite.events.redis import queue

log = logging.getLogger(__name__)
MOVED = script("moved.lua")
A_RUN_S = 20.0  # then others get the worker; the next run goes on
TRIM_ROWS = 5_000  # in one transaction


@dataclass
class Written:
    """What a run did."""

    units: int = 0
    moved: int = 0
    trimmed: int = 0
    finished: bool = True


class Replaced(Exception):
    """Another generation of aggregates is live now: begin anew."""


def write_history(client: redis.Redis, *, seconds: float = A_RUN_S) -> Written:
    """Write and move what is due, for at most so long. Raises RedisError, DatabaseError."""
    done = Written(trimmed=trim())
    writer = _Writer(client, time.monotonic() + seconds, done)
    try:
        for tp in partitions(client, writer.keys):
            writer.write_partition(tp)
            if not done.finished:
                break
    except Replaced:
        done.finished = False
    return done


class _Writer:
    """One run over the partitions of one generation."""

    def __init__(self, client: redis.Redis, deadline: float, done: Written) -> None:
        self._client, self._deadline, self._done = client, deadline, done
        self._generation = live_generation(client)
        self.keys: Keys = generation_keys(self._generation)
        self._now = int(client.time()[0])

    def write_partition(self, tp: str) -> None:
        """Write what changed since the last run, and move what is old."""
        settled = self._now - settings.HISTORY_SETTLED_MINUTES * 60
        written = int(cast("bytes | None", self._client.get(self.keys.written(tp))) or 0)
        for day in self._due_days(tp, written):
            if time.monotonic() > self._deadline:
                self._done.finished = False
                return
            self._write_day(tp, day)
        # what changed since then is looked at again: a day's score is when it changed last
        self._client.set(self.keys.written(tp), settled, ex=retention("d"))

    def _due_days(self, tp: str, written: int) -> list[int]:
        """The days that changed since the last run, and those that are to leave Redis."""
        old = self._now - settings.HISTORY_MOVE_HOURS * 3600
        key = self.keys.days(tp)
        changed = cast("list[bytes]", self._client.zrangebyscore(key, written, "+inf"))
        idle = cast("list[bytes]", self._client.zrangebyscore(key, "-inf", old))
        return sorted({int(day) for day in [*changed, *idle]})

    def _write_day(self, tp: str, day: int) -> None:
        hours = [int(at) for at in cast("list[bytes]", self._client.hkeys(self.keys.index(tp, "d", day)))]
        kept = _read_at(tp, day, hours)
        units = [Unit(tp, "m", hour) for hour in sorted(hours)]
        for unit in [*units, Unit(tp, "d", day)]:
            self._write(unit, kept.get(unit, 0))

    def _write(self, unit: Unit, kept_at: int) -> None:
        ttl = int(self._client.ttl(index_key(self.keys, unit)))
        if ttl < 0:
            return  # moved already
        idle = max(0, retention(INDEX[unit.grain]) - ttl)  # each batch that touches a unit sets its end anew
        if idle < settings.HISTORY_SETTLED_MINUTES * 60:
            return
        if self._is_to_move(unit, idle):
            self._move(unit)
        elif kept_at <= self._now - idle + 1:
            taken = self._take(unit)
            if taken is not None and keep(taken):
                self._done.units += 1

    def _is_to_move(self, unit: Unit, idle: int) -> bool:
        """Whether nobody has touched it for long, or its first keys might expire while it still changes."""
        index = self._index(unit)
        if unit.grain == "d":
            minutes = [self.keys.index(unit.tp, "h", hour) for hour in index]
            if minutes and self._client.exists(*minutes):
                return False  # they leave first: who asks for them learns of them by the day's index
        age = self._now - min((stamp.made for stamp in index.values()), default=self._now)
        half_way = retention(FINER[unit.grain]) // 2
        return idle >= min(settings.HISTORY_MOVE_HOURS * 3600, half_way) or age >= half_way

    def _index(self, unit: Unit) -> Stamps:
        found = cast("dict[bytes, bytes]", self._client.hgetall(index_key(self.keys, unit)))
        return stamps_of(found)

    def _take(self, unit: Unit) -> Taken | None:
        """The unit as it stands, all of one moment; None where it changes just now."""
        named = sorted(self._index(unit))
        wanted = bucket_keys(self.keys, unit, named)
        pipe = self._client.pipeline(transaction=True)
        ask_life(pipe, self.keys, unit.tp)
        pipe.hgetall(index_key(self.keys, unit))
        for bucket in wanted:
            pipe.get(bucket.key) if bucket.is_set else pipe.hgetall(bucket.key)
        answers = pipe.execute()
        life, index = life_of(answers[:4]), answers[4]
        if live_generation(self._client) != self._generation:
            raise Replaced  # a rebuild deletes these keys from now on
        if life.offset is None or sorted(map(int, index)) != named:
            return None
        taken = Taken(unit, presence_of(unit, life, stamps_of(index), self._now), self._now)
        for bucket, answer in zip(wanted, answers[5:], strict=True):
            if answer:
                value: Value = answer if bucket.is_set else {k.decode(): int(v) for k, v in answer.items()}
                taken.values.setdefault((bucket.grain, bucket.fold), {})[bucket.start] = value
        return taken

    def _move(self, unit: Unit) -> None:
        """Write the unit, then delete it from Redis where nothing has changed it since it was read."""
        keys = [bucket.key for bucket in bucket_keys(self.keys, unit, self._index(unit))]
        keys.append(index_key(self.keys, unit))
        with self._client.pipeline(transaction=True) as pipe:
            pipe.watch(*keys)  # type: ignore[no-untyped-call]
            taken = self._take(unit)
            if taken is None or not keep(taken):
                return
            pipe.multi()
            queue(pipe, "UNLINK", *keys)
            pipe.incr(self.keys.moves(unit.tp))
            if unit.grain == "d":
                pipe.zrem(self.keys.days(unit.tp), unit.start)
            else:
                day = unit_of(unit.tp, "d", unit.start)
                queue_script(pipe, MOVED, Call([index_key(self.keys, day)], [unit.start]))
            try:
                pipe.execute()
            except WatchError:  # a late event: it stays until it has been quiet again
                return
        self._done.moved += 1


def _read_at(tp: str, day: int, hours: list[int]) -> dict[Unit, int]:
    """When each unit of a day was written last, epoch seconds."""
    rows = Rollup.objects.filter(tp=tp).order_by()
    of_hours = rows.filter(grain="m", start__in=hours).values_list("start").annotate(Max("at"))
    kept = {Unit(tp, "m", start): at for start, at in of_hours}
    newest = rows.filter(grain="d", start=day).aggregate(at=Max("at"))["at"]
    return kept | ({Unit(tp, "d", day): newest} if newest else {})


# --- retention --------------------------------------------------------------------------------
def trim() -> int:
    """Delete rows that are kept no longer; how many. A unit goes whole, with what came late."""
    now = time.time()
    keeps = (
        ("m", settings.HISTORY_MINUTES_DAYS * 86_400),
        ("h", settings.HISTORY_HOURS_DAYS * 86_400),
        ("d", settings.HISTORY_DAYS_YEARS * 366 * 86_400),
    )
    return sum(_trim(grain, int(now) - seconds) for grain, seconds in keeps)


def _trim(grain: str, before: int) -> int:
    old = Rollup.objects.filter(grain=grain, since__lt=before).order_by("since")[:TRIM_ROWS]
    units = set(old.values_list("tp", "start"))
    if not units:
        return 0
    deleted = 0
    with in_turn():
        for tp, start in sorted(units):
            deleted += Rollup.objects.filter(grain=grain, tp=tp, start=start).delete()[0]
        if grain != "m":
            forget_totals(sorted({start for _, start in units}))
    return deleted
