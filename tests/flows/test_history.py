"""History and Redis are one: every cut of time is right, wherever its buckets are and whatever was lost."""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as redis_package
from django.conf import LazySettings
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dashboards.counting.plan import Batch
from dashboards.counting.store import live_partitions
from dashboards.models import Rollup, Total
from dashboards.past import history, spans
from dashboards.past.heads import Heads
from dashboards.past.history import write_history
from dashboards.past.joined import Row, find_stored
from dashboards.past.ranges import Cover, cover
from dashboards.past.rollups import Taken, in_turn, keep
from dashboards.reports.selectors import Report, report, rfc3339
from tests.support.aggregates import Log, click, log_of, numbered, paid, writer_of
from tests.support.history import Copy, bucket_count, flush, move, pass_time, settle

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
BEGIN = datetime(2024, 6, 14, 22, 0, tzinfo=UTC)
DAYS = 3
EVER = BEGIN - timedelta(days=40), BEGIN + timedelta(days=40)


def at(minute: int) -> datetime:
    return BEGIN + timedelta(minutes=minute)


def clicks(minutes: list[int], tp: str = "clicks-0", first_user: int = 0) -> Log:
    return log_of(
        tp, [click(f"u{first_user + n}", at=rfc3339(at(minute))) for n, minute in enumerate(minutes)]
    )


def more(log: Log, minutes: list[int]) -> None:
    """The log goes on with clicks in these minutes."""
    users = len(log.records) + 1000
    for record in clicks(minutes, log.tp, users).records:
        log.records.append(record._replace(offset=log.records[-1].offset + 1 if log.records else log.start))


def viewed(redis: Redis, start: datetime = EVER[0], end: datetime = EVER[1]) -> int:
    return report(redis, start, end).events.get("view_item", 0)


def clear(redis: Redis) -> None:
    flush(redis)
    with in_turn():
        Rollup.objects.all().delete()
        Total.objects.all().delete()


OPS = ("fold", "fold", "settle", "move", "flush", "copy", "restore", "crash")


@pytest.mark.slow
def test_every_cut_is_right_wherever_its_buckets_are(
    redis: Redis, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    """Events in any order, written, moved, lost, restored, folded again: each moment counts once."""
    settings.HISTORY_MINUTES_DAYS = 100

    # not shrunk: an example takes a second, and says itself what it did
    @hypothesis_settings(
        max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
    )
    @given(
        st.lists(st.integers(0, DAYS * 1440 - 1), min_size=12, max_size=24),
        st.lists(st.sampled_from(OPS), min_size=3, max_size=7),
        st.integers(0, 2**31),
    )
    def each(minutes: list[int], ops: list[str], seed: int) -> None:
        clear(redis)
        World(redis, minutes, random.Random(seed), monkeypatch).run(ops)

    each()


class World:
    """Two partitions of clicks and one of orders, and what happens to them."""

    def __init__(
        self, redis: Redis, minutes: list[int], dice: random.Random, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.redis, self.dice, self.monkeypatch = redis, dice, monkeypatch
        self.moments = {"clicks-0": minutes[::3], "clicks-1": minutes[1::3], "orders-0": minutes[2::3]}
        self.logs = {
            tp: clicks(self.moments[tp], tp, 100 * n) for n, tp in enumerate(("clicks-0", "clicks-1"))
        }
        orders = [
            paid(f"o{n}", "1.25", user_id="buyer", at=rfc3339(at(m)))
            for n, m in enumerate(self.moments["orders-0"])
        ]
        self.logs["orders-0"] = numbered("orders-0", orders)
        self.reached = dict.fromkeys(self.logs, 0)
        self.saved = Copy()

    def run(self, ops: list[str]) -> None:
        for op in [*ops, "fold", "move"]:
            getattr(self, op)()
            self.check()

    def fold(self, *, on: bool = True) -> None:
        """Fold on; at least as far as it was folded before."""
        for tp, log in self.logs.items():
            if on:
                self.reached[tp] = min(len(log.records), self.reached[tp] + self.dice.randrange(1, 7))
            Log(tp, log.records[: self.reached[tp]]).fold(writer_of(self.redis), [self.dice.randrange(1, 9)])

    def settle(self) -> None:
        settle(self.redis)

    def move(self) -> None:
        move(self.redis)

    def flush(self) -> None:
        flush(self.redis)
        self.fold(on=False)

    def copy(self) -> None:
        self.saved = Copy.of(self.redis)

    def restore(self) -> None:
        self.saved.restore(self.redis)
        self.fold(on=False)

    def crash(self) -> None:
        """The task dies after it wrote a unit and before it deleted it from Redis."""

        def dies(taken: Taken) -> bool:
            assert keep(taken)
            raise KeyboardInterrupt

        pass_time(self.redis, 37)
        with self.monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(history, "keep", dies)
            write_history(self.redis)
            raise KeyboardInterrupt  # there was nothing to write
        self.check()
        write_history(self.redis)

    def check(self) -> None:
        cuts = [EVER, *(self.cut() for _ in range(3))]
        for start, end in cuts:
            found = report(self.redis, start, end)
            there = {
                tp: [m for m in moments[: self.reached[tp]] if start <= at(m) < end]
                for tp, moments in self.moments.items()
            }
            views = len(there["clicks-0"]) + len(there["clicks-1"])
            assert found.events.get("view_item", 0) == views
            assert found.orders["orders"] == len(there["orders-0"])
            assert found.visitors == views + bool(there["orders-0"])
            assert found.notes == []
            if found.minutes is not None:
                assert sum(minute["events"].get("view_item", 0) for minute in found.minutes) == views

    def cut(self) -> tuple[datetime, datetime]:
        first = self.dice.randrange(-30, DAYS * 1440)
        return at(first), at(first + self.dice.randrange(1, DAYS * 1440))


def test_moved_buckets_leave_redis_and_are_told_as_before(redis: Redis) -> None:
    clicks([0, 1, 61, 1500]).fold(writer_of(redis))

    assert settle(redis).units == 3 + 2  # three hours, two days
    assert bucket_count(redis) > 0
    move(redis)

    assert bucket_count(redis) == 0
    assert (viewed(redis), viewed(redis, at(1), at(62)), report(redis, *EVER).visitors) == (4, 2, 4)
    assert settle(redis).units == 0, "nothing is due any more"


def test_a_late_event_starts_the_next_generation_and_both_are_summed(redis: Redis) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    move(redis)
    more(log, [1, 2])
    log.fold(writer_of(redis))
    assert (viewed(redis), viewed(redis, at(1), at(2))) == (5, 2)

    move(redis)

    assert (viewed(redis), viewed(redis, at(1), at(2)), report(redis, *EVER).visitors) == (5, 2, 5)
    offsets = Rollup.objects.filter(grain="d", fold="events").order_by("first").values_list("first", "next")
    assert list(offsets) == [(0, 3), (3, 5)]


def test_a_late_event_between_writing_and_moving_is_in_neither_twice(redis: Redis) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    settle(redis)
    more(log, [1])
    log.fold(writer_of(redis))
    assert viewed(redis) == 4
    settle(redis)
    assert (viewed(redis), Rollup.objects.filter(grain="d", fold="events").count()) == (4, 1)


def test_history_holds_while_an_emptied_redis_is_filled_again(redis: Redis) -> None:
    log = clicks([0, 1, 2, 3])
    log.fold(writer_of(redis))
    settle(redis)
    flush(redis)
    assert viewed(redis) == 4

    for upto in (1, 2, 3, 4):
        Log(log.tp, log.records[:upto]).fold(writer_of(redis))
        assert viewed(redis) == 4, "rows are ahead, then Redis has caught up"
    more(log, [2])
    log.fold(writer_of(redis))
    assert (viewed(redis), report(redis, *EVER).visitors) == (5, 5)


def test_what_the_log_no_longer_has_stays_in_history(redis: Redis) -> None:
    log = clicks([0, 1, 1500, 3000])
    log.fold(writer_of(redis), [1])
    move(redis)
    flush(redis)
    trimmed = Log(log.tp, log.records[1:], start=1)
    trimmed.fold(writer_of(redis))

    assert (viewed(redis), viewed(redis, at(0), at(60))) == (4, 2), "the first day was cut: its row counts"
    more(trimmed, [1500, 4000])
    trimmed.fold(writer_of(redis))
    assert (viewed(redis), viewed(redis, at(1440), at(2880))) == (6, 2)
    move(redis)
    assert viewed(redis) == 6


def test_offsets_that_an_old_snapshot_never_saw_are_taken_from_history(redis: Redis) -> None:
    log = clicks([0, 1, 2, 3])
    Log(log.tp, log.records[:1]).fold(writer_of(redis))
    before = Copy.of(redis)
    log.fold(writer_of(redis))
    settle(redis)
    before.restore(redis)
    assert writer_of(redis).apply(Batch(log.tp, 1, 3, gap=True))
    log.fold(writer_of(redis))

    assert viewed(redis) == 4


def test_a_unit_that_changes_while_it_is_moved_stays(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    more(log, [1])

    def keep_slowly(taken: Taken) -> bool:
        log.fold(writer_of(redis))
        return keep(taken)

    monkeypatch.setattr(history, "keep", keep_slowly)
    move(redis)

    assert bucket_count(redis) > 0
    assert (viewed(redis), viewed(redis, at(1), at(2))) == (4, 2)


def test_a_task_that_read_earlier_does_not_overwrite_one_that_read_later(redis: Redis) -> None:
    log = clicks([0])
    log.fold(writer_of(redis))
    early: list[Taken] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "keep", early.append)
        settle(redis)
    more(log, [0, 0])
    log.fold(writer_of(redis))
    settle(redis)

    assert [keep(taken) for taken in early] == [False, False]
    flush(redis)
    assert viewed(redis) == 3


def test_totals_of_days_and_longer_periods_are_told_and_forgotten_when_something_comes_late(
    redis: Redis,
) -> None:
    log = clicks([0, 1, 1500])
    log.fold(writer_of(redis))
    move(redis)
    assert dict(grains()) == {"d": 2, "h": 2, "T": 1, "M": 1, "Q": 1}
    Rollup.objects.filter(grain="d").update(data=b"\x80")  # only the totals are read
    assert viewed(redis) == 3

    more(log, [3])
    log.fold(writer_of(redis))
    assert (viewed(redis), report(redis, *EVER).visitors) == (4, 4)
    settle(redis)
    assert dict(grains()) == {"d": 1, "h": 1}, "the day and what holds it are to be added up anew"


def test_any_days_of_a_year_are_right_and_read_from_few_totals(redis: Redis) -> None:
    begin = datetime(2023, 3, 5, tzinfo=UTC)
    dice = random.Random(4)
    days = sorted(dice.sample(range(365), 200))
    log_of(
        "clicks-0",
        [click(f"u{day}", at=rfc3339(begin + timedelta(days=day, hours=dice.random() * 24))) for day in days],
    ).fold(writer_of(redis))
    move(redis)
    Rollup.objects.filter(grain="d").update(data=b"\x80")  # only the totals are read

    for _ in range(40):
        first, last = sorted(dice.sample(range(366), 2))
        expected = sum(first <= day < last for day in days)
        found = report(redis, begin + timedelta(days=first), begin + timedelta(days=last))
        assert found.events.get("view_item", 0) == expected
        assert found.visitors == pytest.approx(expected, abs=2)  # an estimate
    assert len(rows_of(redis, begin, begin + timedelta(days=365), "events")) <= 20


def rows_of(redis: Redis, start: datetime, end: datetime, fold: str) -> Sequence[Row]:
    """The rows that such a range is read from."""
    keys, tps = live_partitions(redis)
    return find_stored(cover(redis, keys, tps, start, end), [fold]).rows[fold]


def grains() -> list[tuple[str, int]]:
    """How many totals there are of each grain."""
    heads = Total.objects.filter(fold="").values_list("grain", flat=True)
    return [(grain, list(heads).count(grain)) for grain in {*heads}]


def test_minutes_are_not_kept_for_ever_and_the_range_is_widened_to_what_is(
    redis: Redis, settings: LazySettings
) -> None:
    log = clicks([0, 1, 61])
    log.fold(writer_of(redis))
    move(redis)
    with in_turn():
        Rollup.objects.update(since=0)
    settings.HISTORY_DAYS_YEARS = 100

    history.trim()

    assert set(Rollup.objects.values_list("grain", flat=True)) == {"d"}
    found = report(redis, at(1), at(2))
    assert (found.start, found.end) == (at(-22 * 60), at(2 * 60))
    assert found.events == {"view_item": 3}
    assert found.minutes == []


def test_many_bounds_are_moved_together_as_each_would_be_alone(redis: Redis, settings: LazySettings) -> None:
    settings.HISTORY_MINUTES_DAYS = 3
    settings.HISTORY_HOURS_DAYS = 10
    clicks([0, 61, 130]).fold(writer_of(redis))
    move(redis)
    pass_time(redis, 10 * 24)
    clicks([2000, 2900, 3100], "clicks-2").fold(writer_of(redis))
    move(redis)
    pass_time(redis, 2 * 24)
    history.trim()
    more_of_today = clicks([4310, 4311], "clicks-1", 100)
    more_of_today.fold(writer_of(redis))
    keys, tps = live_partitions(redis)
    edges = [int(at(minute).timestamp()) for minute in range(-7, 4500, 17)]

    together = Heads(redis, keys, tps).widened_edges(edges)

    heads = Heads(redis, keys, tps)
    alone = [heads.widened(edge, place > 0) for place, edge in enumerate(edges)]
    assert together == alone
    assert together != edges


def test_minutes_that_were_deleted_are_not_taken_for_whole_when_a_late_one_comes(redis: Redis) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    move(redis)
    with in_turn():
        Rollup.objects.update(since=int(time.time()) - 9 * 86_400)
    history.trim()
    more(log, [1])
    log.fold(writer_of(redis))

    found = report(redis, at(1), at(2))

    assert (found.start, found.end, found.events) == (at(0), at(60), {"view_item": 4})


def test_money_and_stock_come_back_from_the_database_as_they_were(redis: Redis) -> None:
    numbered("orders-0", [paid(str(n), "999999999.999999", at=rfc3339(at(n))) for n in range(30)]).fold(
        writer_of(redis)
    )
    before = told(report(redis, at(0), at(1000)))
    move(redis)
    assert told(report(redis, at(0), at(1000))) == before


def told(found: Report) -> dict[str, object]:
    return found.as_json()


def test_an_hour_that_grows_past_the_range_while_it_is_read_is_cut(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    found = cover

    def cover_then_grow(*args: Any, **options: Any) -> Cover:
        chosen = found(*args, **options)
        if len(log.records) == 3:
            more(log, [30])
            log.fold(writer_of(redis))
        return chosen

    monkeypatch.setattr(spans, "cover", cover_then_grow)
    assert (viewed(redis, at(0), at(3)), viewed(redis, at(3), at(60))) == (3, 1)
