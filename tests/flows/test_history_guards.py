"""Every guard of the figures is needed: its scenario comes out right with it, and wrong with it switched off.

One row a guard, as in test_guards.py: what it is, how to switch it off, and the scenario.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import pytest
import redis as redis_package

from dashboards.counting import store
from dashboards.counting.scripts import Script
from dashboards.past import history, joined
from dashboards.past.history import write_history
from dashboards.past.rollups import Presence, Taken, Verdict, keep
from tests.flows.test_history import at, clicks, more, viewed
from tests.support.aggregates import fold_one, writer_of
from tests.support.history import move, pass_time, settle

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis


@dataclass(frozen=True)
class Guard:
    """One row of the table."""

    name: str
    off: Callable[[], AbstractContextManager[object]]
    scenario: Callable[[Redis], None]


# --- scenarios --------------------------------------------------------------------------------
def two_own_a_partition(redis: Redis) -> None:
    log = clicks([0, 1, 2, 3])
    first, second = writer_of(redis), writer_of(redis)
    part_of_first, part_of_second = log.part(first), log.part(second)
    fold_one(first, part_of_first, log.records[:2])
    fold_one(second, part_of_second, log.records[:3])
    log.fold(second)
    assert viewed(redis) == 4


def something_comes_while_a_unit_is_moved(redis: Redis) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    more(log, [1])

    def keep_slowly(taken: Taken) -> bool:
        log.fold(writer_of(redis))
        return keep(taken)

    with patch.object(history, "keep", keep_slowly):
        move(redis)
    assert (viewed(redis), viewed(redis, at(1), at(2))) == (4, 2)


def a_unit_is_in_both(redis: Redis) -> None:
    clicks([0, 1, 2]).fold(writer_of(redis))
    settle(redis)
    assert viewed(redis) == 3


def something_comes_late(redis: Redis) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    move(redis)
    more(log, [1])
    log.fold(writer_of(redis))
    assert viewed(redis, at(1), at(2)) == 2


def an_hour_leaves_whose_day_stays(redis: Redis) -> None:
    log = clicks([0, 1, 2])
    log.fold(writer_of(redis))
    pass_time(redis, 37)
    more(log, [61])
    log.fold(writer_of(redis))
    assert viewed(redis, at(1), at(3)) == 2
    write_history(redis)
    assert viewed(redis, at(0), at(2)) == 2, (
        "another range, since what was read of the first one is remembered"
    )


# --- how to switch them off -------------------------------------------------------------------
def any_offset() -> AbstractContextManager[object]:
    fence = store.FENCE.replace("if stored ~= plan.expected then", "if false then")
    assert fence != store.FENCE
    return patch.object(store, "FENCE", fence)


def judged(verdict: Callable[[int, int, Presence | None], Verdict]) -> AbstractContextManager[object]:
    return patch.object(joined, "verdict", verdict)


GUARDS = (
    Guard("fence: only where the stored offset is the batch's first", any_offset, two_own_a_partition),
    Guard(
        "moving: only what nothing has changed since it was read",
        partial(patch.object, redis_package.client.Pipeline, "watch", lambda *_: None),
        something_comes_while_a_unit_is_moved,
    ),
    Guard("rows: none that counts what Redis has", partial(judged, lambda *_: "both"), a_unit_is_in_both),
    Guard(
        "late: what came after a unit was moved is counted beside its row",
        partial(judged, lambda _first, _next, redis: "redis" if redis else "both"),
        something_comes_late,
    ),
    Guard(
        "remembered: moving an hour renews its version",
        partial(patch.object, history, "MOVED", Script("return 0", "")),
        an_hour_leaves_whose_day_stays,
    ),
)
each_guard = pytest.mark.parametrize("guard", GUARDS, ids=[guard.name for guard in GUARDS])


@each_guard
def test_with_its_guard_the_scenario_comes_out_right(redis: Redis, guard: Guard) -> None:
    guard.scenario(redis)


@each_guard
def test_without_its_guard_the_same_scenario_goes_wrong(redis: Redis, guard: Guard) -> None:
    with guard.off(), pytest.raises(AssertionError):
        guard.scenario(redis)
