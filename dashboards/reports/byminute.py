"""What happened minute by minute. spans.py -> here -> selectors.py.

Hours that can't have changed since they were read last are remembered as entries, and so are the minutes
of the others: late events, and the hour that is still running, cost what is new in them.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import TypeVar

from dashboards.keys import WIDTH
from dashboards.models import Rollup
from dashboards.past.borders import Span as Piece
from dashboards.past.borders import floor, joined, pieces
from dashboards.past.ranges import kept_by, of_grain
from dashboards.past.remembered import REMEMBERED
from dashboards.past.rollups import Unit, verdict
from dashboards.past.spans import Span, Sums

HOUR, MINUTE = WIDTH["h"], WIDTH["m"]
NUMBERS_A_MINUTE = 12  # of an entry in a list of minutes, about; as many of the list's name
Answer = TypeVar("Answer")
Versions = tuple[int | None, ...]  # of each partition
Rows = Mapping[int, Sequence[tuple[int, str]]]  # by hour: the rows of its minutes, and whether they count


def by_minute(
    span: Span, folds: Sequence[str], entry: Callable[[int, dict[str, Sums]], Answer]
) -> tuple[list[Answer], bool]:
    """An entry for each minute in which something happened, and whether all minutes are still known."""
    heads = span.cover.heads
    spans, whole = kept_by(heads, "h", (span.cover.start, span.cover.end))
    versions = dict(_versions(span, spans, folds))
    rows = _rows(span, sorted({floor(low, HOUR) for low, _ in versions}), folds)
    named: dict[Piece, Hashable] = {}
    entries: dict[Piece, list[Answer]] = {}
    for piece, version in versions.items():
        if version is not None:
            of_hour = tuple(rows[floor(piece[0], HOUR)])
            name: Hashable = "minutes", span.keys.prefix, entry, tuple(folds), piece, version, of_hour
            if (found := REMEMBERED.get(name)) is not None:
                entries[piece] = found
                continue
            named[piece] = name
        entries[piece] = []
    left = [piece for piece, version in versions.items() if version is None or piece in named]
    if left:
        read = Span(span.client, span.keys, of_grain(heads, "m", list(joined(left)))).each(*folds)
        for low, high in left:
            entries[low, high] = [entry(at, read[at]) for at in range(low, high, MINUTE) if at in read]
    for piece, name in named.items():
        REMEMBERED.put(name, entries[piece], NUMBERS_A_MINUTE * (len(entries[piece]) + 1))
    return [one for piece in versions for one in entries[piece]], whole


def _versions(
    span: Span, spans: Sequence[Piece], folds: Sequence[str]
) -> Iterator[tuple[Piece, Versions | None]]:
    """The spans in pieces, in order, each with what it is remembered by; None where it may just change.

    A piece is as much of an hour as there is where it is settled, else one minute.
    """
    heads = span.cover.heads
    tps = sorted({tp for fold in folds for tp in span.tps_of(fold)})
    parts = list(pieces(spans, HOUR))
    heads.read([Unit(tp, "m", floor(low, HOUR)) for low, _ in parts for tp in tps])
    for low, high in parts:
        there = [heads.known(Unit(tp, "m", floor(low, HOUR))) for tp in tps]
        of_hour = tuple(redis.version if redis else None for redis in there)
        if 0 not in of_hour:
            yield (low, high), of_hour
            continue
        for at in range(low, high, MINUTE):
            of_minute = tuple(redis.version_of(at) if redis else None for redis in there)
            yield (at, at + MINUTE), None if 0 in of_minute else of_minute


def _rows(span: Span, hours: Sequence[int], folds: Sequence[str]) -> Rows:
    heads = span.cover.heads
    rows: dict[int, list[tuple[int, str]]] = defaultdict(list)

    def ask() -> list[tuple[int, str, int, int, int]]:
        found = Rollup.objects.filter(grain="m", fold__in=folds, start__in=hours).order_by("pk")
        return list(found.values_list("pk", "tp", "start", "first", "next"))

    for pk, tp, hour, first, next_ in heads.listed(("minutes", tuple(folds), tuple(hours)), ask):
        rows[hour].append((pk, verdict(first, next_, heads.known(Unit(tp, "m", hour)))))
    return rows
