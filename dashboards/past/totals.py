"""Add up days, and longer periods, of the history over all partitions. Rollup -> here -> Total -> joined.py.

Only days that have left Redis are added up: their rows change no more, but for what comes late, and
whoever writes that deletes these totals again. So a year is read from some twenty rows a statistic.
"""

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import cast

import redis

from dashboards.counting.store import live_keys, merge_sets, partitions
from dashboards.keys import Keys
from dashboards.models import HEAD, Rollup, Total
from dashboards.past.periods import PARTS, WIDEST_FIRST, Period, end_of, is_period, start_of
from dashboards.past.rollups import Value, Values, in_turn, pack, unpack


def make_totals(client: redis.Redis, *, seconds: float = 10.0) -> int:
    """Add up what can be, for at most so long; how many days and periods. Raises RedisError."""
    deadline = time.monotonic() + seconds
    days, made = _days_with_rows(), 0
    for day in _days_to_add(client, days):
        if time.monotonic() > deadline:
            return made
        made += _add_day(client, day)
    for period in reversed(WIDEST_FIRST):
        for start in _periods_to_add(period, days):
            if time.monotonic() > deadline:
                return made
            made += _add_period(client, period, start)
    return made


def _days_with_rows() -> set[int]:
    return set(Rollup.objects.filter(grain="d").order_by().values_list("start", flat=True).distinct())


def _days_to_add(client: redis.Redis, days: set[int]) -> list[int]:
    """Days with rows and without totals, that Redis has nothing of."""
    left = days - set(Total.objects.filter(grain="d", fold=HEAD).values_list("start", flat=True))
    return sorted(left - _live_days(client, live_keys(client))) if left else []


def _live_days(client: redis.Redis, keys: Keys) -> set[int]:
    pipe = client.pipeline(transaction=False)
    for tp in partitions(client, keys):
        pipe.zrange(keys.days(tp), 0, -1)
    return {int(day) for days in cast("list[list[bytes]]", pipe.execute()) for day in days}


def _add_day(client: redis.Redis, day: int) -> int:
    with in_turn():
        for grain in ("h", "d"):
            _write(client, grain, day, *_of_day(grain, day))
    return 1


def _of_day(grain: str, day: int) -> tuple[dict[str, int], dict[str, list[Values]]]:
    """Up to where each partition is counted, and each fold's rows."""
    rows = Rollup.objects.filter(grain=grain, start=day)
    reached: dict[str, int] = {}
    by_fold: dict[str, list[Values]] = defaultdict(list)
    for tp, fold, next_, data in rows.values_list("tp", "fold", "next", "data"):
        reached[tp] = max(next_, reached.get(tp, 0))
        by_fold[fold].append(unpack(data))
    return reached, by_fold


def _periods_to_add(period: Period, days: set[int]) -> list[int]:
    """Those that are over, whose parts are all added up, and that are not. days: all that have rows."""
    heads = Total.objects.filter(fold=HEAD).values_list("grain", "start")
    parts = {start for grain, start in heads if grain == PARTS[period]}
    done = {start for grain, start in heads if grain == period}
    this = start_of(period, int(time.time()))
    open_ = {start_of(period, day) for day in days if start_of(PARTS[period], day) not in parts}
    return sorted({start for day in days if (start := start_of(period, day)) < this} - open_ - done)


def _add_period(client: redis.Redis, period: Period, start: int) -> int:
    within = {"start__gte": start, "start__lt": end_of(period, start)}
    with in_turn():
        days = (
            Rollup.objects.filter(grain="d", **within).order_by().values_list("start", flat=True).distinct()
        )
        parts = Total.objects.filter(grain=PARTS[period], fold=HEAD, **within).values_list("start", flat=True)
        if {start_of(PARTS[period], day) for day in days} != set(parts):
            return 0  # a late event came meanwhile
        _write(client, period, start, *_of_period(period, start))
    return 1


def _of_period(period: Period, start: int) -> tuple[dict[str, int], dict[str, list[Values]]]:
    """Up to where each partition is counted in its parts, and each fold's sums of these."""
    rows = Total.objects.filter(grain=PARTS[period], start__gte=start, start__lt=end_of(period, start))
    reached: dict[str, int] = {}
    by_fold: dict[str, list[Values]] = defaultdict(list)
    for fold, upto, data in rows.values_list("fold", "reached", "data"):
        for tp, offset in upto.items():
            reached[tp] = max(offset, reached.get(tp, 0))
        by_fold[fold] += [{start: value} for value in unpack(data).values()]
    return reached, by_fold


def check_totals(client: redis.Redis) -> Iterator[tuple[str, int, str, bool]]:
    """(grain, start, fold, whether it is the sum of what it is made of) of every total."""
    for grain, start in list(Total.objects.filter(fold=HEAD).values_list("grain", "start")):
        with in_turn():
            kept = dict(Total.objects.filter(grain=grain, start=start).values_list("fold", "data"))
            _, by_fold = _of_period(grain, start) if is_period(grain) else _of_day(grain, start)
            for fold in sorted({*kept, *by_fold} - {HEAD}) if kept else []:
                expected = merged(client, by_fold.get(fold, []))
                yield grain, start, fold, expected == (unpack(kept[fold]) if fold in kept else {})


def _write(
    client: redis.Redis,
    grain: str,
    start: int,
    reached: Mapping[str, int],
    by_fold: Mapping[str, Sequence[Values]],
) -> None:
    rows = [Total(grain=grain, start=start, fold=HEAD, reached=reached, data=pack({}))]
    rows += [
        Total(grain=grain, start=start, fold=fold, reached={}, data=pack(merged(client, parts)))
        for fold, parts in by_fold.items()
        if fold != HEAD
    ]
    Total.objects.filter(grain=grain, start=start).delete()
    Total.objects.bulk_create(rows)


def merged(client: redis.Redis, parts: Iterable[Values]) -> Values:
    """Buckets of one fold added up, each with those of the same start."""
    by_start: dict[int, list[Value]] = defaultdict(list)
    for part in parts:
        for at, value in part.items():
            by_start[at].append(value)
    return {at: _sum(client, values) for at, values in by_start.items()}


def _sum(client: redis.Redis, values: Sequence[Value]) -> Value:
    if len(values) == 1:
        return values[0]
    sums: dict[str, int] = {}
    for value in values:
        if isinstance(value, bytes):
            return merge_sets(client, [((), [each for each in values if isinstance(each, bytes)])])[0]
        for name, number in value.items():
            sums[name] = sums.get(name, 0) + number
    return sums
