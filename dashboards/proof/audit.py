"""Prove the aggregates against the log. log.py -> recount.py, snapshot.py -> here -> findings.py -> audit.

Every partition is counted up to the offset that Redis has reached, so lag is no error. What is older
than the log still goes back is not provable, and said so.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

import redis

from dashboards.counting.batch import Place
from dashboards.counting.capped import beyond, totals
from dashboards.counting.log import LogReader, set_aside
from dashboards.counting.plan import CAPS
from dashboards.counting.store import live_keys, set_sizes
from dashboards.folds.base import OFF
from dashboards.keys import Keys, bucket, split_partition
from dashboards.past.totals import check_totals
from dashboards.proof.findings import Check, Findings
from dashboards.proof.halfhour import compare_steps, take_steps
from dashboards.proof.recount import Recount, recount
from dashboards.proof.rowsofday import Day
from dashboards.proof.sidebyside import cores_to_use, side_by_side
from dashboards.proof.snapshot import Snapshot, take
from dashboards.reports.selectors import read_gaps, rfc3339
from shopsite.events.inbox import position

TOPICS = ("clicks", "orders", "inventory")
MANY = 100_000  # messages: of fewer, more processes would take longer to begin than to count
_TOTAL_OF = {
    "h": "hours of",
    "d": "day",
    "T": "third of a month from",
    "M": "month from",
    "Q": "quarter from",
}


def audit_aggregates(client: redis.Redis, days: range | None = None) -> Findings:
    """Recount the three topics and compare Redis and the history with them.

    days: starts of the UTC days that are compared (epoch seconds); None: all.
    Raises Unavailable, RedisError where one does not answer.
    """
    began = time.monotonic()
    keys, at_once = live_keys(client), cores_to_use()
    with LogReader() as log:
        aside = set_aside(log, "clicks")
        tps = [f"{topic}-{number}" for topic in TOPICS for number in log.partitions(topic)]
        sizes = {tp: _messages(log, tp) for tp in tps}
        many = at_once > 1 and sum(sizes.values()) >= MANY
        long = [tp for tp in tps if many and sizes[tp] >= MANY // 10]
        short = [tp for tp in tps if tp not in long]
        found = {tp: _audit_partition(_take(client, keys, tp, aside, days), log) for tp in short}
    # with no reader of this process's open: its threads would not be there in the others
    found.update(zip(long, _audit_side_by_side(client, keys, long, aside, days, at_once), strict=True))
    findings = Findings()
    for tp in tps:
        findings.add(found[tp])
    for grain, start, fold, ok in check_totals(client):
        if not ok and (days is None or start in days):
            name = f"total of {fold}, {_TOTAL_OF[grain]} {_date(start)}, against its rows"
            findings.differences.append(Check(name, "the sum", "another"))
    findings.seconds = time.monotonic() - began
    return findings


def _messages(log: LogReader, tp: str) -> int:
    """How many messages a partition has, about."""
    start, end = log.bounds(*split_partition(tp))
    return end - start


def _audit_side_by_side(
    client: redis.Redis, keys: Keys, tps: Iterable[str], aside: set[str], days: range | None, at_once: int
) -> list[Findings]:
    """Each partition in a process of its own."""

    def task(part: "_Part") -> Callable[[], Findings]:
        def audit_it() -> Findings:
            with LogReader() as log:
                return _audit_partition(part, log)

        return audit_it

    # what a partition has in the database is read here: a connection to it survives no fork
    return side_by_side((task(_take(client, keys, tp, aside, days)) for tp in tps), at_once)


class _Part(NamedTuple):
    """What is known of a partition before it is counted."""

    client: redis.Redis
    keys: Keys
    tp: str
    aside: set[str]
    days: range | None
    stored: Snapshot


def _take(client: redis.Redis, keys: Keys, tp: str, aside: set[str], days: range | None) -> _Part:
    stored = take(client, keys, tp, days) or Snapshot(tp, 0, {}, {})
    return _Part(client, keys, tp, aside, days, stored)


def _audit_partition(part: _Part, log: LogReader) -> Findings:
    client, keys, tp, aside, days, stored = part
    findings = Findings()
    topic, number = split_partition(tp)
    steps = take_steps(client, keys, tp, datetime.now(UTC), days)
    start, end = log.bounds(topic, number)
    if stored.offset > end:
        findings.differences.append(Check(f"{tp} offset, which is beyond the log's end", end, stored.offset))
        return findings
    for first, last in read_gaps(client, keys, tp):
        findings.notes.append(f"{tp}: offsets {first} to {last} were gone before they could be counted")
    for name, why in sorted(stored.misfits.items()):
        findings.differences.append(Check(f"{tp} {name}", "a number that fits", why))
    counted = recount(
        tp,
        log.read(
            topic,
            number,
            start,
            max([stored.offset, steps.offset, *(day.offset for day in stored.days.values())]),
        ),
        aside=aside,
        cut=lambda day: stored.days[day].offset if day in stored.days else stored.offset,
        certain=stored.offset,
        days=days,
        steps_until=steps.offset,
        steps_enough=steps.full(),
    )
    findings.events += counted.events
    if topic == "clicks":
        passed = [offset for offset in counted.unreadable if offset < stored.offset]
        findings.unreadable += [position(topic, number, offset) for offset in passed]
    by_day = _by_day([*counted.counts, *counted.members])
    unproved: set[int] = set()
    for start_of_day in sorted(stored.days.keys() | by_day.keys()):
        day = stored.days.get(start_of_day) or Day(start_of_day, stored.offset, whole={("d", start_of_day)})
        if start_of_day in stored.days and day.first_offset < start:
            unproved.add(start_of_day)
            why = "is not provable, the log begins later; it is told as the history has it"
            findings.notes.append(f"{tp}: {_date(start_of_day)} {why}")
            continue
        if day.torn:
            unproved.add(start_of_day)
            findings.notes.append(
                f"{tp}: {_date(start_of_day)} is told as the history has it, Redis has a part"
            )
            continue
        both = [place for place in by_day[start_of_day] if place[:2] in day.whole]
        _compare_counts(findings, tp, day, counted, both)
        _compare_sets(findings, tp, day, counted, both, lambda sets: set_sizes(client, keys, tp, sets))
    compare_steps(findings, tp, steps, counted.steps, unproved)
    return findings


def _by_day(places: Iterable[Place]) -> dict[int, list[Place]]:
    days: dict[int, list[Place]] = defaultdict(list)
    for place in places:
        days[bucket(place.start, "d")].append(place)
    return days


def _compare_counts(findings: Findings, tp: str, day: Day, counted: Recount, both: Iterable[Place]) -> None:
    for place in sorted(day.counts.keys() | {place for place in both if place in counted.counts}):
        log, stored = counted.counts.get(place, {}), day.counts.get(place, {})
        limit = CAPS.get(place.fold)
        if place.grain == "d" and limit:
            findings.add_up(place.fold, totals(log, limit.has_kinds), totals(stored, limit.has_kinds))
        elif place.grain == "d":
            findings.add_up(place.fold, log, stored)
        if limit and any(name.endswith(OFF) for name in stored):  # it was full
            log, stored = beyond(log, stored, limit.has_kinds)
        findings.compare(tp, place, log, stored)


def _compare_sets(
    findings: Findings,
    tp: str,
    day: Day,
    counted: Recount,
    both: Iterable[Place],
    sizes: Callable[[list[set[str]]], list[int]],
) -> None:
    wanted = {place for place in both if place in counted.members and place.grain != "m"}
    places = sorted(day.sizes.keys() | wanted)
    from_log = sizes([counted.members.get(place, set()) for place in places])
    for place, size in zip(places, from_log, strict=True):
        log, stored = {"": size}, {"": day.sizes.get(place, 0)}
        if place.grain == "d":
            findings.add_up(place.fold, log, stored)
        findings.compare(tp, place, log, stored)


def _date(day: int) -> str:
    return rfc3339(day)[:10]
