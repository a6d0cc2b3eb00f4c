"""What happened minute by minute. spans.py -> here -> selectors.py.

Hours that can't have changed since they were read last are remembered as entries, not read again.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from dashboards.borders import joined, pieces
from dashboards.keys import WIDTH
from dashboards.models import Rollup
from dashboards.ranges import kept_by, of_grain
from dashboards.remembered import REMEMBERED
from dashboards.rollups import Unit, verdict
from dashboards.spans import Span, Sums

HOUR = WIDTH["h"]
NUMBERS_A_MINUTE = 12  # of an entry in a list of minutes, about
Answer = TypeVar("Answer")


def by_minute(
    span: Span, folds: Sequence[str], entry: Callable[[int, dict[str, Sums]], Answer]
) -> tuple[list[Answer], bool]:
    """An entry for each minute in which something happened, and whether all minutes are still known."""
    heads = span.cover.heads
    spans, whole = kept_by(heads, "h", (span.cover.start, span.cover.end))
    names = _names(span, [low for low, high in pieces(spans, HOUR) if high - low == HOUR], folds, entry)
    entries: dict[int, list[Answer]] = {
        hour: found for hour, name in names.items() if (found := REMEMBERED.get(name)) is not None
    }
    left = [part for part in pieces(spans, HOUR) if part[0] not in entries]
    if left:
        cover_left = of_grain(heads, "m", list(joined(left)))
        read = Span(span.client, span.keys, cover_left).each(*folds)
        entries |= {
            low: [entry(at, read[at]) for at in range(low, high, 60) if at in read] for low, high in left
        }
    for hour in {low for low, _ in left} & names.keys():
        REMEMBERED.put(names[hour], entries[hour], NUMBERS_A_MINUTE * len(entries[hour]) + 1)
    return [one for low in sorted(entries) for one in entries[low]], whole


def _names(span: Span, hours: Sequence[int], folds: Sequence[str], entry: object) -> dict[int, Hashable]:
    """What the minutes of an hour are remembered by, where they can't have changed since."""
    heads = span.cover.heads
    tps = sorted({tp for fold in folds for tp in span.tps_of(fold)})
    units = {hour: [Unit(tp, "m", hour) for tp in tps] for hour in hours}
    heads.read([unit for some in units.values() for unit in some])
    rows: dict[int, list[tuple[int, str]]] = defaultdict(list)

    def ask() -> list[tuple[int, str, int, int, int]]:
        found = Rollup.objects.filter(grain="m", fold__in=folds, start__in=hours).order_by("pk")
        return list(found.values_list("pk", "tp", "start", "first", "next"))

    for pk, tp, hour, first, next_ in heads.listed(("minutes", tuple(folds), tuple(hours)), ask):
        rows[hour].append((pk, verdict(first, next_, heads.known(Unit(tp, "m", hour)))))
    names: dict[int, Hashable] = {}
    for hour, some in units.items():
        there = [heads.known(unit) for unit in some]
        if all(redis is None or (redis.settled and not redis.faded) for redis in there):
            versions = tuple(redis and redis.touched for redis in there)
            names[hour] = (
                "minutes",
                span.keys.prefix,
                entry,
                hour,
                tuple(folds),
                versions,
                tuple(rows[hour]),
            )
    return names
