"""Arithmetic of spans of time, in epoch seconds. heads.py, ranges.py, joined.py -> here."""

from collections.abc import Iterable, Iterator

Span = tuple[int, int]  # epoch seconds, the second one exclusive


def floor(at: float, width: int) -> int:
    """The start of the bucket of that width which holds the moment."""
    return int(at // width) * width


def ceil(at: float, width: int) -> int:
    """The first start of a bucket that is not before the moment."""
    return -int(-at // width) * width


def split(span: Span, width: int) -> tuple[Span, Span, Span]:
    """The whole buckets of that width in the middle of a span, and what is left before and after them."""
    first, last = ceil(span[0], width), floor(span[1], width)
    if first >= last:  # not a single whole one; what touches a border falls into two parts
        border = first if span[0] < first < span[1] else span[1]
        return (span[0], border), (border, border), (border, span[1])
    return (span[0], first), (first, last), (last, span[1])


def pieces(spans: Iterable[Span], width: int) -> Iterator[Span]:
    """The spans, cut at each border of that width."""
    for low, high in spans:
        for at in range(floor(low, width), high, width):
            yield max(low, at), min(high, at + width)


def some(spans: Iterable[Span]) -> list[Span]:
    """Those that are not empty."""
    return [span for span in spans if span[0] < span[1]]


def within(spans: Iterable[Span], extent: Span) -> Iterator[Span]:
    """What of the spans lies there."""
    for low, high in spans:
        if low < extent[1] and extent[0] < high:
            yield max(low, extent[0]), min(high, extent[1])


def joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Spans in order, those that touch or overlap as one."""
    current: Span | None = None
    for span in spans:
        if current and span[0] <= current[1]:
            current = current[0], max(current[1], span[1])
            continue
        if current:
            yield current
        current = span
    if current:
        yield current
