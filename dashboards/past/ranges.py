"""Which buckets make up a range of time. A range -> heads.py -> here -> spans.py reads them.

Whole days are days, what is left of the first and the last day is hours, what is left of an hour is
minutes: each moment is covered once. Where the finer buckets of a day or an hour are no longer all kept,
neither in Redis nor in the database, the range is widened to the whole of it. Where all that is known of an
hour lies in the range, as that of the hour that is still running, it is read as an hour.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

import redis

from dashboards.keys import WIDTH, Grain, Keys
from dashboards.past.borders import Span, ceil, floor, joined, some, split
from dashboards.past.heads import Coarse, Heads

SHORT_S = 48 * WIDTH["h"]


@dataclass(frozen=True)
class Cover:
    """The buckets of a range."""

    start: int  # epoch seconds: what was asked for, or the wider range that is still known
    end: int
    spans: Mapping[Grain, Sequence[Span]]  # of each grain: disjoint, together the whole range
    buckets: Mapping[str, Sequence[tuple[Grain, int]]]  # by partition; only those that Redis has
    heads: Heads = field(repr=False)
    # hours read whole, by the part that all lay in
    stretched: Mapping[int, Span] = field(default_factory=dict)


def cover(
    client: redis.Redis,
    keys: Keys,
    tps: Sequence[str],
    start: datetime,
    end: datetime,
    *,
    stretch: bool = False,
) -> Cover:
    """The buckets that make up [start, end), widened where the finer ones are no longer kept.

    stretch: an hour may be read whole where nothing of it lies outside; ask heads.have_moved() afterwards.
    """
    heads = Heads(client, keys, tps, _near(start.timestamp(), end.timestamp()))
    used = heads.widened(start.timestamp(), False), heads.widened(end.timestamp(), True)
    head, days, tail = split(used, WIDTH["d"])
    hours, minutes = [], []
    stretched = {}
    for part in (head, tail):
        before, whole, after = split(part, WIDTH["h"])
        for span in some((before, after)):
            hour = floor(span[0], WIDTH["h"])
            if stretch and heads.lies_within(hour, span):
                stretched[hour] = span
            else:
                minutes.append(span)
        hours.append(whole)
    hours += [(hour, hour + WIDTH["h"]) for hour in stretched]
    whole_hours = list(joined(some(sorted(hours))))
    return _covered(heads, used, {"d": [days], "h": whole_hours, "m": minutes}, stretched)


def _near(start: float, end: float) -> list[float]:
    """A moment of each hour that is likely to be asked for: one reading knows all of them.

    These are the hours that the range begins and ends in, and all of a short one, whose minutes are listed.
    """
    first, last = floor(start, WIDTH["h"]), ceil(end, WIDTH["h"])
    hours = range(first, last, WIDTH["h"]) if last - first <= SHORT_S else ()
    return [start, end, *hours]


def of_grain(heads: Heads, grain: Grain, spans: Sequence[Span]) -> Cover:
    """The buckets of one grain in these spans, whose bounds are buckets' bounds."""
    return _covered(heads, (spans[0][0], spans[-1][1]), {grain: spans}, {})


def between(heads: Heads, edges: Sequence[int]) -> Cover:
    """The buckets between each two of these edges, which are bounds that Heads.widened() gave."""
    days: list[Span] = []
    hours: list[Span] = []
    minutes: list[Span] = []
    for part in pairwise(edges):
        head, whole, tail = split(part, WIDTH["d"])
        days.append(whole)
        for rest in (head, tail):
            before, whole, after = split(rest, WIDTH["h"])
            hours.append(whole)
            minutes += [before, after]
    spans: dict[Grain, list[Span]] = {"d": days, "h": hours, "m": minutes}
    spans = {grain: list(joined(some(found))) for grain, found in spans.items()}
    return _covered(heads, (edges[0], edges[-1]), spans, {})


def _covered(
    heads: Heads, used: Span, spans: Mapping[Grain, Sequence[Span]], stretched: Mapping[int, Span]
) -> Cover:
    found: dict[str, list[tuple[Grain, int]]] = {tp: [] for tp in heads.tps}
    for grain, chosen in spans.items():
        for tp, at in heads.buckets(grain, chosen):
            found[tp].append((grain, at))
    return Cover(*used, spans, found, heads, stretched)


def kept_by(heads: Heads, grain: Coarse, span: Span) -> tuple[list[Span], bool]:
    """The hours (or days) in a span whose minutes (or hours) are all known, and whether these are all."""
    width = WIDTH[grain]
    coarse = range(floor(span[0], width), ceil(span[1], width), width)
    gone = heads.cut(grain, coarse)
    known = [(max(at, span[0]), min(at + width, span[1])) for at in coarse if at not in gone]
    return list(joined(known)), not gone
