"""Capped buckets: shorten what a batch adds to one, compare one with the log. plan.py, audit.py -> here.

Which fields a full bucket dropped depends on how the log was split into batches; what it promises does
not: sums are exact, and the log's number of a field is the stored one or up to (off) more (fence.lua).
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from heapq import nlargest

from dashboards.folds.base import MARKS, OFF, OTHER

Fields = Mapping[str, int]
_KIND = re.compile(r"[a-z]+\|(?:[A-Z]{3}\|)?")


def split_kind(field: str, has_kinds: bool) -> tuple[str, str]:
    """("r|EUR|", "MUG") for "r|EUR|MUG", as fence.lua splits it; ("", field) of a fold without kinds."""
    found = _KIND.match(field) if has_kinds else None
    kind = found[0] if found else ""
    return kind, field[len(kind) :]


def shorten(fields: Fields, most: int, has_kinds: bool) -> Fields:
    """The largest fields, at most about so many; the rest in (other) and (off), as fence.lua does it.

    A batch of a catch-up has thousands of names: this spares Redis those that it would drop at once.
    """
    if len(fields) <= most:
        return fields
    kinds: dict[str, list[str]] = defaultdict(list)
    for field in fields:
        kind, name = split_kind(field, has_kinds)
        if name not in MARKS:
            kinds[kind].append(field)
    each = _share(sorted(map(len, kinds.values())), most)
    kept = {field: number for field, number in fields.items() if field.endswith(OTHER)}
    for kind, names in kinds.items():
        first = nlargest(each, names, key=lambda name: abs(fields[name])) if len(names) > each else names
        kept.update((name, fields[name]) for name in first)
        if dropped := [fields[name] for name in set(names).difference(first)]:
            kept[kind + OTHER] = kept.get(kind + OTHER, 0) + sum(dropped)
            kept[kind + OFF] = max(map(abs, dropped))
    return kept


def _share(sizes: list[int], room: int) -> int:
    """The most fields that each kind may keep, so that all together are at most `room`."""
    for index, size in enumerate(sizes):
        each = room // (len(sizes) - index)
        if size > each:
            return max(each, 1)
        room -= size
    return sizes[-1]


def totals(fields: Fields, has_kinds: bool) -> dict[str, int]:
    """The exact sum of each kind, under the name of its (other)."""
    sums: dict[str, int] = defaultdict(int)
    for field, number in fields.items():
        kind, name = split_kind(field, has_kinds)
        if name != OFF:
            sums[kind + OTHER] += number
    return sums


def beyond(log: Fields, stored: Fields, has_kinds: bool) -> tuple[dict[str, int], dict[str, int]]:
    """What differs by more than it may: the log's numbers and the stored ones, sums included."""
    sums = totals(log, has_kinds), totals(stored, has_kinds)
    wrong = {field for field in log.keys() | stored.keys() if not _fits(field, log, stored, has_kinds)}
    pairs = ({field: fields.get(field, 0) for field in wrong} for fields in (log, stored))
    of_log, of_stored = (dict(total) | pair for total, pair in zip(sums, pairs, strict=True))
    return of_log, of_stored


def _fits(field: str, log: Fields, stored: Fields, has_kinds: bool) -> bool:
    kind, name = split_kind(field, has_kinds)
    if name in MARKS:
        return True
    return abs(log.get(field, 0) - stored.get(field, 0)) <= stored.get(kind + OFF, 0)
