"""What a process remembers is what it would read: by versions that each change renews."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
import redis as redis_package

from dashboards.counting.scripts import Call, Script, run
from dashboards.counting.store import live_partitions, read_hashes, sum_hashes
from dashboards.keys import Grain, first_keys, generation_key, generation_keys
from dashboards.past import listed, presence, spans
from dashboards.past.joined import Row
from dashboards.past.rollups import turn_number
from dashboards.past.spans import Parts, Places
from dashboards.reports.course import read_course
from dashboards.reports.selectors import Report, report
from tests.flows.test_history import at, clicks, more
from tests.support.aggregates import Log, writer_of
from tests.support.history import move, pass_time, rows_read

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of buckets that are read from Redis, as they are asked for."""
    names: list[str] = []

    def summed(client: Redis, groups: list[list[str]]) -> list[dict[str, int]]:
        names.extend(name for group in groups for name in group)
        return sum_hashes(client, groups)

    def each(client: Redis, groups: list[list[str]]) -> list[list[dict[str, int]]]:
        names.extend(name for group in groups for name in group)
        return read_hashes(client, groups)

    monkeypatch.setattr(spans, "sum_hashes", summed)
    monkeypatch.setattr(spans, "read_hashes", each)
    return names


def minutes_of(found: Report) -> list[int]:
    assert found.minutes is not None
    return [sum(minute["events"].values()) for minute in found.minutes]


def test_what_is_settled_is_read_once_until_something_comes_late(redis: Redis, asked: list[str]) -> None:
    log = clicks([0, 1, 61, 1500])
    log.fold(writer_of(redis))
    Log("clicks-1", clicks([5], "clicks-1", 50).records).fold(writer_of(redis))
    pass_time(redis, 0.2)
    first = report(redis, at(0), at(1501))
    assert asked
    asked.clear()
    assert (report(redis, at(0), at(1501)), asked) == (first, [])

    more(log, [61, 1500])
    log.fold(writer_of(redis))

    again = report(redis, at(0), at(1501))
    assert (again.events, again.visitors) == ({"view_item": 7}, 7)
    assert minutes_of(again) == [1, 1, 1, 2, 2]


def test_rows_are_read_once_whatever_settles_beside_them(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = clicks([0, 1])
    log.fold(writer_of(redis))
    move(redis)
    read = rows_read(monkeypatch)
    for minute in (1500, 1501, 1565):
        more(log, [minute])
        log.fold(writer_of(redis))
        pass_time(redis, 0.2)
        found = report(redis, at(0), at(minute + 1))
        assert (found.events["view_item"], found.visitors) == (len(log.records), len(log.records))
        assert bool(read) == (minute == 1500)
        read.clear()


def test_what_a_value_is_remembered_by_is_weighed_too() -> None:
    """Else a quiet shop, where each click settles the running hour anew, would fill the process."""
    hours: list[tuple[Grain, int, int]] = [("h", hour, 1) for hour in range(20)]
    rows = (Row("total", 1, ((0, 86_400),)),)
    part = Parts("refunds", rows, {"orders-0": Places(tuple(hours), (("h", 20),))})
    assert (part.weight, part.stored().weight) == (21, 1)


def test_of_an_hour_that_goes_on_only_the_minute_that_changed_is_read_again(
    redis: Redis, asked: list[str]
) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    pass_time(redis, 0.2)
    for _ in range(2):
        more(log, [2])
        log.fold(writer_of(redis))
        asked.clear()
        found = report(redis, at(0), at(60))

    minutes = {bucket.start for name in asked if (bucket := first_keys().parse(name)) and bucket.grain == "m"}
    assert (minutes_of(found), minutes) == ([1, 1, 3], {int(at(2).timestamp())})


def test_a_version_grows_where_the_clock_does_not(redis: Redis) -> None:
    log = clicks([0])
    log.fold(writer_of(redis))
    start = int(at(0).timestamp())
    index, ahead = first_keys().index(log.tp, "h", start), 10**13
    redis.hset(index, str(start), f"1:0:{ahead}")
    more(log, [0])
    log.fold(writer_of(redis))

    assert redis.hget(index, str(start)) == f"1:0:{ahead + 1}".encode()


def test_what_an_older_release_wrote_has_no_version_and_is_always_read(
    redis: Redis, asked: list[str]
) -> None:
    clicks([0, 1]).fold(writer_of(redis))
    for grain in ("h", "d"):
        (index,) = redis.scan_iter(match=f"{first_keys().prefix}*:{grain}:*:index")
        for finer, stamp in cast("dict[bytes, bytes]", redis.hgetall(index)).items():
            redis.hset(index, finer, stamp.decode().rpartition(":")[0])
    first = report(redis, at(0), at(60))
    asked.clear()

    assert report(redis, at(0), at(60)) == first
    assert asked
    assert minutes_of(first) == [1, 1]


def test_a_course_by_minutes_asks_once_which_buckets_there_are(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = clicks([0, 1, 61, 200, 200, 359])
    log.fold(writer_of(redis))
    asked: list[str] = []

    def ask(client: Redis, script: Script, calls: Sequence[Call]) -> list[Any]:
        asked.append("heads")
        return run(client, script, calls)

    def turn() -> int:
        asked.append("turn")
        return turn_number()

    monkeypatch.setattr(presence, "run", ask)
    monkeypatch.setattr(listed, "turn_number", turn)
    edges = [int(at(minute).timestamp()) for minute in range(361)]

    course = read_course(redis, "events", "minute", edges)

    found = {minute: sum(sums.values()) for minute, sums in enumerate(course) if sums}
    assert found == {0: 1, 1: 1, 61: 1, 200: 2, 359: 1}
    assert sorted(asked) == ["heads", "turn"]


def test_what_a_rebuild_switched_to_is_read_at_once(redis: Redis) -> None:
    old = live_partitions(redis)
    redis.sadd(generation_keys(1).partitions, "clicks-7")
    redis.set(generation_key(), 1)
    assert live_partitions(redis) == (generation_keys(1), ["clicks-7"])
    redis.delete(generation_key())
    assert live_partitions(redis) == old
