"""Compare a capped bucket with the log within its stated error. recount.py, snapshot.py -> here -> audit.py.

Which fields a full bucket dropped depends on how the log was split into batches; what it promises does
not: sums are exact, and the log's number of a field is the stored one or up to (off) more (fence.lua).
"""

import re
from collections import defaultdict
from collections.abc import Mapping

from dashboards.folds.base import MARKS, OFF, OTHER

Fields = Mapping[str, int]
_KIND = re.compile(r"[a-z]+\|(?:[A-Z]{3}\|)?")


def split_kind(field: str, has_kinds: bool) -> tuple[str, str]:
    """("r|EUR|", "MUG") for "r|EUR|MUG", as fence.lua splits it; ("", field) of a fold without kinds."""
    found = _KIND.match(field) if has_kinds else None
    kind = found[0] if found else ""
    return kind, field[len(kind) :]


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
