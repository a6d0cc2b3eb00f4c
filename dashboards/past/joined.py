"""Which rows of a range count beside what Redis has itself. Cover, the database -> here -> spans.py.

Each row is judged by rollups.verdict() against what Redis has of its unit; where the row knows more, the
unit's key of that fold is left out of what is read from Redis (`held`). What the rows hold is read only where
this process does not remember it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dashboards.keys import WIDTH, Grain
from dashboards.models import HEAD, Rollup, Total
from dashboards.past.borders import Span, ceil, floor, joined, within
from dashboards.past.heads import Heads
from dashboards.past.periods import WIDEST_FIRST, Period, end_of, start_of
from dashboards.past.ranges import Cover
from dashboards.past.rollups import Unit, Value, unit_of, unpack, verdict

Newest = dict[int, list[tuple[str, int]]]  # by day: partition and offset from which on Redis has it
RANGES = 20  # of days in one query: where there are more, their hull is read
ROWS_A_QUERY = 1_000


class Row(NamedTuple):
    """A row that counts. Rows are replaced, never changed, so its primary key says what it holds."""

    kind: Literal["rollup", "total"]
    pk: int
    spans: tuple[Span, ...]  # what of it counts


class RowReplaced(Exception):
    """A row was written anew while the range was read: find the rows again."""


@dataclass
class Stored:
    """What the database adds to the buckets that Redis has."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))  # by fold
    held: set[tuple[Unit, str]] = field(default_factory=set)  # units and folds that Redis is not asked for

    def read(self, folds: Iterable[str]) -> dict[str, list[tuple[int, Value]]]:
        """Each fold's buckets: start and figures. A total of several days has the start of the first.

        Raises RowReplaced.
        """
        wanted = {fold: self.rows[fold] for fold in folds if self.rows.get(fold)}
        values: dict[str, list[tuple[int, Value]]] = defaultdict(list)
        data = {
            **_data("rollup", [row.pk for rows in wanted.values() for row in rows if row.kind == "rollup"]),
            **_data("total", [row.pk for rows in wanted.values() for row in rows if row.kind == "total"]),
        }
        for fold, rows in wanted.items():
            for kind, pk, spans in rows:
                for at, value in unpack(data[kind, pk]).items():
                    if any(low <= at < high for low, high in spans):
                        values[fold].append((at, value))
        return values


def _data(kind: Literal["rollup", "total"], pks: Sequence[int]) -> dict[tuple[str, int], bytes | memoryview]:
    rows = Rollup.objects.order_by() if kind == "rollup" else Total.objects.order_by()
    found: dict[tuple[str, int], bytes | memoryview] = {}
    for first in range(0, len(pks), ROWS_A_QUERY):
        some = rows.filter(pk__in=pks[first : first + ROWS_A_QUERY])
        found.update(((kind, pk), data) for pk, data in some.values_list("pk", "data"))
    if len(found) < len(pks):
        raise RowReplaced
    return found


def find_stored(cover: Cover, folds: Sequence[str], *, by_bucket: bool = False) -> Stored:
    """The rows that count in the range, by their heads. by_bucket: no totals of more than a day."""
    found = Stored()
    for grain, spans in cover.spans.items():
        left = [span for span in spans if span[0] < span[1]]
        if left and grain in ("d", "h"):
            left = _take_totals(found, cover, grain, left, folds, by_bucket=by_bucket)
        if left:
            _take_rows(found, cover.heads, grain, left, folds)
    return found


def _take_rows(
    found: Stored,
    heads: Heads,
    grain: Grain,
    spans: Sequence[Span],
    folds: Sequence[str],
) -> None:
    width = WIDTH["h"] if grain == "m" else WIDTH["d"]
    units = list(joined((floor(low, width), ceil(high, width)) for low, high in spans))
    if len(units) > RANGES:
        units = [(units[0][0], units[-1][1])]
    for low, high in units:

        def ask(low: int = low, high: int = high) -> list[tuple[int, str, int, str, int, int]]:
            rows = Rollup.objects.filter(grain=grain, fold__in=folds, start__gte=low, start__lt=high)
            return list(rows.values_list("pk", "tp", "start", "fold", "first", "next"))

        listed = heads.listed(("rollups", grain, tuple(folds), low, high), ask)
        for pk, tp, start, fold, first, next_ in listed:
            if not (counted := tuple(within(spans, (start, start + width)))):
                continue
            unit = unit_of(tp, grain, start)
            who = verdict(first, next_, heads.known(unit))
            if who == "redis":
                continue
            if who == "row":
                found.held.add((unit, fold))
            found.rows[fold].append(Row("rollup", pk, counted))


# --- totals -----------------------------------------------------------------------------------
def _take_totals(
    found: Stored, cover: Cover, grain: Grain, spans: list[Span], folds: Sequence[str], *, by_bucket: bool
) -> list[Span]:
    """Take what is added up already; returns the spans that are left, of whole days."""
    taken: set[int] = set()
    newest: Newest = defaultdict(list)
    for unit, redis in cover.heads.presences.items():
        if unit.grain == "d":
            newest[unit.start].append((unit.tp, redis.first))
    if grain == "d" and not by_bucket:
        for period in WIDEST_FIRST:
            wanted = {start: days for start, days in _whole(period, spans) if start not in taken}
            taken |= _take(found, cover.heads, period, wanted, spans, folds, newest)
    left = {day: [day] for low, high in spans for day in _days_in(low, high) if day not in taken}
    taken |= _take(found, cover.heads, grain, left, spans, folds, newest)
    return list(_without(spans, taken))


def _take(
    found: Stored,
    heads: Heads,
    grain: Grain | Period,
    wanted: Mapping[int, Sequence[int]],
    spans: Sequence[Span],
    folds: Sequence[str],
    newest: Newest,
) -> set[int]:
    """Take the wanted totals that Redis's buckets do not overlap; returns the days that they hold.

    wanted: by their starts, the days of each.
    """

    def ask() -> list[tuple[int, int, str, dict[str, int]]]:
        totals = Total.objects.filter(grain=grain, start__in=wanted, fold__in=[HEAD, *folds]).order_by()
        return list(totals.values_list("pk", "start", "fold", "reached"))

    def is_usable(start: int, reached: Mapping[str, int]) -> bool:
        of_redis = (place for day in wanted[start] for place in newest.get(day, ()))
        return all(offset >= reached.get(tp, 0) for tp, offset in of_redis)

    listed = heads.listed(("totals", grain, tuple(wanted), *folds), ask)
    usable = {start for _, start, fold, reached in listed if fold == HEAD and is_usable(start, reached)}
    for pk, start, fold, _ in listed:
        if fold != HEAD and start in usable:
            extent = start, wanted[start][-1] + WIDTH["d"]
            found.rows[fold].append(Row("total", pk, tuple(within(spans, extent))))
    return {day for start in usable for day in wanted[start]}


def _days_in(low: int, high: int) -> list[int]:
    width = WIDTH["d"]
    return list(range(floor(low, width), -floor(-high, width), width))


def _whole(period: Period, spans: Sequence[Span]) -> Iterator[tuple[int, list[int]]]:
    """The periods that lie wholly within a span: their starts, and the days of each."""
    for low, high in spans:
        start = start_of(period, low)
        while (end := end_of(period, start)) <= high:
            if low <= start:
                yield start, _days_in(start, end)
            start = end


def _without(spans: Iterable[Span], days: set[int]) -> Iterator[Span]:
    """The spans without these days; days that are left and touch are one span."""
    for low, high in spans:
        begin = low
        for day in _days_in(low, high):
            if day in days:
                if begin < day:
                    yield begin, day
                begin = max(begin, day + WIDTH["d"])
        if begin < high:
            yield begin, high
