"""Every figure of any range, for other programs. routes.py -> here -> dashboards.

The report is one object, as `manage.py report --json` prints it; any single statistic is a list of names with
their numbers, in parts; answers come as they are kept.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import msgspec
from django.utils import timezone
from redis.exceptions import RedisError

from dashboards.answers import kept
from dashboards.answers.demand import missed_in_all, read_demand
from dashboards.folds import FOLDS
from dashboards.folds.base import Counts, Uniques
from dashboards.keys import STEP
from dashboards.selectors import report
from dashboards.spans import read_span
from shopsite.api.http import Problem, invalid
from shopsite.api.paging import Cursor, Limit, cursor, place_of
from shopsite.api.routing import NoQuery
from shopsite.events.redis import redis_client

From = Annotated[datetime, msgspec.Meta(tz=True, description="Inclusive.")]
To = Annotated[datetime, msgspec.Meta(tz=True, description="Exclusive.")]
COUNTED: Final = sorted({fold.name for fold in FOLDS if isinstance(fold, Counts)} | {"delay"})
DISTINCT: Final = sorted({fold.name for fold in FOLDS if isinstance(fold, Uniques)})


class FiguresQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which range."""

    to: To
    from_: From = msgspec.field(name="from")
    top: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Most products.")] = 20


class StatisticQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which range, and which part of its names."""

    to: To
    from_: From = msgspec.field(name="from")
    limit: Limit = 50
    cursor: Cursor = ""


class FiguresBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The figures of a range; `from` and `to` are wider where finer buckets are no longer kept."""

    from_: datetime = msgspec.field(name="from")
    to: datetime
    events: Annotated[dict[str, int], msgspec.Meta(description="Clicks of people, by type.")]
    visitors: int
    sessions: int
    orders: int
    lines: int
    units: int
    revenue: Annotated[dict[str, str], msgspec.Meta(description="Exact, by currency.")]
    refunds: dict[str, Any]
    stock: Annotated[dict[str, Any], msgspec.Meta(description="Events and sum of changes, by reason.")]
    products: list[dict[str, Any]]
    funnel: Annotated[dict[str, int], msgspec.Meta(description="People, by stage.")]
    bots: dict[str, int]
    notes: Annotated[list[str], msgspec.Meta(description="What these figures can't tell exactly.")]
    minutes: Annotated[
        list[dict[str, Any]] | None, msgspec.Meta(description="Absent where the range is over 48 hours.")
    ] = None


class NamedNumber(msgspec.Struct, frozen=True):
    """A name of a statistic, and its number; money is in millionths."""

    name: str
    number: int


class StatisticPage(msgspec.Struct, frozen=True):
    """A part of a statistic, the largest numbers first."""

    items: list[NamedNumber]
    next: Annotated[str | None, msgspec.Meta(description="The next part's cursor; null at the end.")]
    unit: Annotated[str, msgspec.Meta(description="What the names are.")]


class DemandRow(msgspec.Struct, frozen=True):
    """A product that somebody wants, beside its stock."""

    product_id: str
    views_a_minute: float
    carts_a_minute: float
    sold: int
    available: int
    minutes_left: Annotated[float | None, msgspec.Meta(description="null: no end is in sight.")]
    soonest: float | None
    latest: float | None
    sells_out: Annotated[str, msgspec.Meta(description="When, as pages write it: 5 h (3 h to 9 h).")]
    missed_an_hour: Annotated[Decimal | None, msgspec.Meta(description="In the shop's currency.")]


class TrendRow(msgspec.Struct, frozen=True):
    """A product that is looked at more than it usually is."""

    product_id: str
    views: int
    usual: float
    score: float


class AnswersBody(msgspec.Struct, frozen=True):
    """What to do: docs/metrics.md defines each."""

    demand: list[DemandRow]
    missed_an_hour: Annotated[
        Decimal, msgspec.Meta(description="By all that is sold out, in the shop's currency.")
    ]
    trending: Annotated[list[TrendRow] | None, msgspec.Meta(description="null: not made lately.")]
    searches_in_vain: list[dict[str, Any]] | None
    dropoff: list[dict[str, Any]] | None


def figures(query: FiguresQuery) -> FiguresBody:
    """The figures of a range, from the aggregates alone.

    The same object as `manage.py report --json`.
    """
    _check(query.from_, query.to)
    try:
        found = report(redis_client(), query.from_, query.to, query.top).as_json()
    except RedisError:
        raise _no_redis() from None
    return msgspec.convert(found, FiguresBody)


def statistic(query: StatisticQuery, name: str) -> StatisticPage:
    """One statistic of a range by its names, the largest numbers first.

    Any of docs/metrics.md: counts have a number a name, sets of visitors or sessions one number in all.
    """
    _check(query.from_, query.to)
    if name not in (*COUNTED, *DISTINCT):
        raise Problem(404, f"There is no statistic {name}: there are {', '.join([*COUNTED, *DISTINCT])}.")
    rows = _rows(name, query.from_, query.to)
    after = place_of(query.cursor, tuple[int, str])
    left = [row for row in rows if after is None or (-row[1], row[0]) > (-after[0], after[1])]
    page = left[: query.limit]
    return StatisticPage(
        items=[NamedNumber(named.replace(STEP, " -> "), number) for named, number in page],
        next=cursor((page[-1][1], page[-1][0])) if len(left) > len(page) else None,
        unit=next((fold.keys for fold in FOLDS if fold.name == name), "upper bound, ms"),
    )


def _rows(name: str, start: datetime, end: datetime) -> list[tuple[str, int]]:
    """Name and number, the largest first; what (off) says of the error is among the names."""
    try:
        if name in DISTINCT:
            (people,) = read_span(redis_client(), start, end, lambda span: span.distinct(name))
            return [(name, people)]
        found: Mapping[str, int] = read_span(redis_client(), start, end, lambda span: span.sums(name)[name])
    except RedisError:
        raise _no_redis() from None
    return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))


def answers(_query: NoQuery) -> AnswersBody:
    """Demand beside stock, what trends, what is looked for in vain, where people get lost: as of now."""
    try:
        rows = read_demand(timezone.now())
    except RedisError:
        raise _no_redis() from None
    trends, vain, steps = kept.trending(), kept.in_vain(), kept.dropoff()
    return AnswersBody(
        missed_an_hour=missed_in_all(rows),
        demand=[msgspec.convert(row, DemandRow, from_attributes=True) for row in rows],
        trending=None if trends is None else [TrendRow(*trend) for trend in trends],
        searches_in_vain=None if vain is None else [one._asdict() for one in vain],
        dropoff=None if steps is None else [step._asdict() for step in steps],
    )


def _check(start: datetime, end: datetime) -> None:
    if start >= end:
        raise invalid("from", "must be before to")


def _no_redis() -> Problem:
    return Problem(503, "The aggregates can't be read now. Try again.", headers={"retry-after": "5"})
