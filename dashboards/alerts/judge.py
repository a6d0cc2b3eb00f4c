"""Whether a rule holds in a bucket, and what that makes of its state. figures.py -> here -> evaluate.py.

Nothing here writes or knows the clock: the same past gives the same episodes.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from dashboards.alerts.figures import FIGURES, Figure
from dashboards.alerts.models import Compare, Rule

USUAL_DAYS = 7
HOUR = timedelta(hours=1)


class Verdict(NamedTuple):
    """One bucket of a rule."""

    end: datetime
    value: float | None  # None: no data
    usual: float | None  # only of changes; None: no data
    holds: bool  # what the rule warns of is so


class Episode(NamedTuple):
    """From when to when a rule was broken; until None: it still is."""

    fired: Verdict
    until: datetime | None


def last_end(rule: Rule, now: datetime) -> datetime:
    """The end of the last whole bucket."""
    width = rule.bucket_minutes * 60
    return datetime.fromtimestamp(int(now.timestamp()) // width * width, UTC)


def look(rule: Rule, end: datetime) -> Verdict:
    """Judge the bucket that ends then. Raises RedisError."""
    figure = FIGURES[rule.figure]
    value = figure.read(end - rule.width, end)
    usual = _usual(figure, rule, end) if rule.compare in (Compare.RISE, Compare.FALL) else None
    return Verdict(end, value, usual, _holds(rule, figure, value, usual))


def _holds(rule: Rule, figure: Figure, value: float | None, usual: float | None) -> bool:
    if rule.compare == Compare.NO_DATA:
        return value is None
    number = figure.empty if value is None else value
    if number is None:
        return False
    match rule.compare:
        case Compare.ABOVE:
            return number > rule.limit
        case Compare.BELOW:
            return number < rule.limit
    if usual is None or usual <= 0 or usual < rule.least:
        return False
    change = 100 * (number - usual) / usual
    return change > rule.limit if rule.compare == Compare.RISE else change < -rule.limit


def _usual(figure: Figure, rule: Rule, end: datetime) -> float | None:
    """The mean of the same hour of the last seven days, as much of it as a bucket has; None without data."""
    hour = (end - rule.width / 2).replace(minute=0, second=0, microsecond=0)
    days = [hour - timedelta(days=ago) for ago in range(1, USUAL_DAYS + 1)]
    values = [value for day in days if (value := figure.read(day, day + HOUR)) is not None]
    if not values:
        return None
    mean = sum(values) / len(values)
    return mean * (rule.width / HOUR) if figure.grows else mean


def needs_only_one(rule: Rule) -> bool:
    """Whether one well bucket ends it: something was missing, and came. A count that is enough stays so."""
    return FIGURES[rule.figure].grows and rule.compare in (Compare.BELOW, Compare.FALL, Compare.NO_DATA)


def turns(rule: Rule, verdicts: list[Verdict], *, is_open: bool) -> bool:
    """Whether the last buckets change the state: all hold and it is well, or none holds and it is broken."""
    wanted = 1 if is_open and needs_only_one(rule) else rule.for_buckets
    last = verdicts[-wanted:]
    return len(last) == wanted and all(verdict.holds != is_open for verdict in last)


def is_well_already(rule: Rule, now: datetime) -> bool:
    """Whether the running bucket has enough by now, of what was missing. Raises RedisError."""
    if not needs_only_one(rule):
        return False
    start, figure = last_end(rule, now), FIGURES[rule.figure]
    value = figure.read(start, now)
    usual = _usual(figure, rule, start + rule.width) if rule.compare == Compare.FALL else None
    return value is not None and not _holds(rule, figure, value, usual)


def was_never_so(rule: Rule, fired_at: datetime) -> bool:
    """Whether events that came later show that the rule did not hold when it fired. Raises RedisError."""
    if FIGURES[rule.figure].is_of_now:
        return False
    return not all(look(rule, fired_at - rule.width * ago).holds for ago in range(rule.for_buckets))


def episodes(
    rule: Rule, start: datetime, end: datetime, judge: Callable[[Rule, datetime], Verdict] = look
) -> Iterator[Episode]:
    """What the rule would have done in [start, end]; the same steps as evaluate.py, bucket after bucket."""
    verdicts: list[Verdict] = []
    fired: Verdict | None = None
    ready = start
    at = last_end(rule, start) + rule.width
    while at <= end:
        verdicts = [*verdicts, judge(rule, at)][-rule.for_buckets :]
        if turns(rule, verdicts, is_open=fired is not None):
            if fired is not None:
                yield Episode(fired, at)
                fired = None
            elif at >= ready:
                fired, ready = verdicts[-1], at + rule.cooldown
        at += rule.width
    if fired is not None:
        yield Episode(fired, None)
