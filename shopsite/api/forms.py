"""In which form an answer is sent: JSON, and of figures CSV or JSON Lines. openapi.py, dispatch.py -> here.

`?format=` says it, else the Accept header, by RFC 9110: the most specific range that fits a form counts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from dashboards.reports.rows import rows_of, written
from shopsite.api.http import JSON, Problem, invalid
from shopsite.api.routing import Route

KIND: Final = {
    "json": JSON,
    "csv": "text/csv",
    "jsonl": "application/x-ndjson",
}
CONTENT_TYPE: Final = {**KIND, "csv": "text/csv; charset=utf-8; header=present"}


def choose(route: Route, asked: Sequence[str], accept: str) -> str:
    """The format of the answer. asked: what `format` was given. Raises Problem where it can't be had."""
    possible = list(KIND) if route.table else ["json"]
    if asked:
        if len(asked) > 1:
            raise invalid("format", "is given twice")
        if asked[0] not in KIND:
            raise invalid("format", f"must be one of {', '.join(KIND)}")
        if asked[0] not in possible:
            raise _not_acceptable(possible)
        return asked[0]
    if not accept:
        return possible[0]
    ranges = dict(_ranges(accept))
    weights = {name: _weight(KIND[name], ranges) for name in possible}
    best = max(possible, key=lambda name: weights[name])  # of equals, the first
    if not weights[best]:
        raise _not_acceptable(possible)
    return best


def _not_acceptable(possible: Sequence[str]) -> Problem:
    return Problem(406, f"Answers are {' or '.join(KIND[name] for name in possible)}.")


def _ranges(accept: str) -> Iterator[tuple[str, float]]:
    """Each range of media types and its weight."""
    for part in accept.lower().split(","):
        kind, *options = (text.strip() for text in part.split(";"))
        weight = next((option[2:] for option in options if option.replace(" ", "").startswith("q=")), "1")
        try:
            yield kind, float(weight)
        except ValueError:
            yield kind, 0.0


def _weight(kind: str, ranges: Mapping[str, float]) -> float:
    fitting = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((ranges[name] for name in fitting if name in ranges), 0.0)


def encoded(body: msgspec.Struct, form: str) -> bytes:
    """The answer's body in that format: a row a figure, where it is not JSON."""
    if form == "json":
        return msgspec.json.encode(body)
    figures = msgspec.to_builtins(body)
    if "next" in figures:  # where the next part is stands in a header
        figures = {name: figures[name] for name in ("items", "buckets") if name in figures}
    rows = rows_of(figures)
    return written(rows, "csv" if form == "csv" else "jsonl").encode()
