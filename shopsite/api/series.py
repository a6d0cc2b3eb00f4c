"""Any statistic by buckets of the shop's calendar, for other programs. routes.py -> here -> dashboards."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from dashboards.keys import STEP
from dashboards.past.spans import Sums
from dashboards.reports.calendar import ReportGrain, before, borders, grain_for
from dashboards.reports.course import names_are, read_course, used_edges
from dashboards.reports.series import MOVED, moved_edges
from shopsite.api.figures import known_statistic
from shopsite.api.http import invalid
from shopsite.api.paging import Cursor, Limit, cursor, place_of
from shopsite.api.period import Compare, Compared, From, GrainOf, To, check_range, no_redis
from shopsite.events.redis import redis_client

Numbers = dict[str, int]


class SeriesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which range, cut how, and which part of its buckets."""

    to: To
    from_: From = msgspec.field(name="from")
    grain: GrainOf = None
    compare: Compare = None
    top: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Most names in a bucket.")] = 20
    only: Annotated[str, msgspec.Meta(max_length=500, description="The one name that is wanted.")] = ""
    limit: Limit = 50
    cursor: Cursor = ""


class Bucket(msgspec.Struct, frozen=True, omit_defaults=True):
    """The numbers of [at, to): by name, the largest first; money is in millionths."""

    at: datetime
    to: datetime
    numbers: Numbers
    before: Annotated[
        Numbers | None, msgspec.Meta(description="Of the same part of the period compared with.")
    ] = None


class SeriesPage(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a statistic's buckets, the oldest first; those in which nothing happened are there, too."""

    grain: ReportGrain
    time_zone: Annotated[str, msgspec.Meta(description="Whose days, weeks and months these are.")]
    unit: Annotated[str, msgspec.Meta(description="What the names are.")]
    compare: Compared | None
    buckets: list[Bucket]
    notes: Annotated[list[str], msgspec.Meta(description="What these figures can't tell exactly.")]
    next: Annotated[str | None, msgspec.Meta(description="The next part's cursor; null at the end.")]


def series(query: SeriesQuery, name: str) -> SeriesPage:
    """One statistic of a range, bucket by bucket of the shop's calendar.

    Any statistic of docs/metrics.md. Without `grain` the range chooses it. A comparison goes bucket by
    bucket: each stands beside the same piece of the other period.
    """
    start, end = query.from_, query.to
    check_range(start, end)
    known_statistic(name)
    grain = query.grain or grain_for(start, end)
    edges = borders(grain, _begin(query), end, query.limit)
    try:
        found, notes = _read(name, grain, edges, query)
        others: Sequence[Numbers | None] = [None] * len(found)
        if query.compare:
            others, more = _read(name, grain, moved_edges(query.compare, query.from_, query.to, edges), query)
            notes = notes or more
    except RedisError:
        raise no_redis() from None
    return SeriesPage(
        grain=grain,
        time_zone=settings.SHOP_TIME_ZONE,
        unit=names_are(name),
        compare=query.compare and Compared(query.compare, *before(query.compare, start, end)),
        buckets=[
            Bucket(_utc(low), _utc(high), numbers, other)
            for (low, high), numbers, other in zip(pairwise(edges), found, others, strict=True)
        ],
        notes=notes,
        next=cursor(edges[-1]) if edges[-1] < int(end.timestamp()) else None,
    )


def _begin(query: SeriesQuery) -> datetime:
    """Where this part begins."""
    if (at := place_of(query.cursor, int)) is None:
        return query.from_
    if not query.from_.timestamp() < at < query.to.timestamp():
        raise invalid("cursor", "is of another range")
    return _utc(at)


def _read(
    name: str, grain: ReportGrain, edges: Sequence[int], query: SeriesQuery
) -> tuple[list[Numbers], list[str]]:
    """The wanted numbers of each bucket, and what is to be said of them."""
    used = used_edges(redis_client(), edges)
    sums = read_course(redis_client(), name, grain, used)
    return [_wanted(numbers, query) for numbers in sums], [] if used == edges else [MOVED]


def _wanted(sums: Sums, query: SeriesQuery) -> Numbers:
    """The largest first."""
    numbers = {name.replace(STEP, " -> "): number for name, number in sums.items()}
    if query.only:
        return {query.only: numbers.get(query.only, 0)}
    return dict(sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))[: query.top])


def _utc(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)
