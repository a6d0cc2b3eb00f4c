"""Every figure of any range, for other programs. routes.py -> here -> dashboards.

The report is one object, as `manage.py report --json` prints it; any single statistic is a list of names with
their numbers, in parts; answers come as they are kept.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from django.utils import timezone
from redis.exceptions import RedisError

from dashboards.answers import kept
from dashboards.answers.demand import missed_in_all, read_demand
from dashboards.keys import STEP
from dashboards.reports.calendar import before, borders
from dashboards.reports.course import COUNTED, DISTINCT, names_are, read_total
from dashboards.reports.selectors import report
from dashboards.reports.series import read_more
from shopsite.api.http import Problem, invalid
from shopsite.api.paging import Cursor, Limit, cursor, place_of
from shopsite.api.period import Compare, Compared, From, GrainOf, To, check_range, no_redis
from shopsite.api.routing import NoQuery
from shopsite.events.redis import redis_client

MOST_BUCKETS = 1_500  # a day of minutes; a longer series comes in parts


class FiguresQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which range."""

    to: To
    from_: From = msgspec.field(name="from")
    top: Annotated[int, msgspec.Meta(ge=1, le=1000, description="Most products.")] = 20
    compare: Compare = None
    grain: GrainOf = None


class StatisticQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which range, and which part of its names."""

    to: To
    from_: From = msgspec.field(name="from")
    compare: Compare = None
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
    compare: Annotated[
        dict[str, Any] | None, msgspec.Meta(description="The same figures of the period compared with.")
    ] = None
    series: Annotated[
        dict[str, Any] | None, msgspec.Meta(description="Events, orders and revenue by `grain`.")
    ] = None


class NamedNumber(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name of a statistic, and its number; money is in millionths."""

    name: str
    number: int
    before: Annotated[int | None, msgspec.Meta(description="Of the period compared with.")] = None


class StatisticPage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of a statistic, the largest numbers first."""

    items: list[NamedNumber]
    next: Annotated[str | None, msgspec.Meta(description="The next part's cursor; null at the end.")]
    unit: Annotated[str, msgspec.Meta(description="What the names are.")]
    compare: Compared | None = None


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
    check_range(query.from_, query.to)
    if query.grain and len(borders(query.grain, query.from_, query.to, MOST_BUCKETS + 1)) > MOST_BUCKETS + 1:
        raise invalid("grain", f"makes more than {MOST_BUCKETS:,} buckets: /series/events has them in parts")
    try:
        found = report(redis_client(), query.from_, query.to, query.top)
        more = read_more(redis_client(), found, query.compare, query.grain, query.top)
    except RedisError:
        raise no_redis() from None
    return msgspec.convert(found.as_json() | more, FiguresBody)


def statistic(query: StatisticQuery, name: str) -> StatisticPage:
    """One statistic of a range by its names, the largest numbers first.

    Any of docs/metrics.md: counts have a number a name, sets of visitors or sessions one number in all.
    """
    check_range(query.from_, query.to)
    known_statistic(name)
    compared = query.compare and Compared(query.compare, *before(query.compare, query.from_, query.to))
    rows = _rows(name, query, compared)
    after = place_of(query.cursor, tuple[int, str])
    left = [row for row in rows if after is None or (-row.number, row.name) > (-after[0], after[1])]
    page = left[: query.limit]
    return StatisticPage(
        items=page,
        next=cursor((page[-1].number, page[-1].name)) if len(left) > len(page) else None,
        unit=names_are(name),
        compare=compared,
    )


def known_statistic(name: str) -> None:
    """Raises Problem where there is no such statistic."""
    if name not in (*COUNTED, *DISTINCT):
        raise Problem(404, f"There is no statistic {name}: there are {', '.join([*COUNTED, *DISTINCT])}.")


def _rows(name: str, query: StatisticQuery, compared: Compared | None) -> list[NamedNumber]:
    """Name and number, the largest first; what (off) says of the error is among the names."""
    others: dict[str, int] | None = None
    try:
        found = read_total(redis_client(), name, query.from_, query.to)
        if compared:
            empty = compared.from_ >= compared.to  # the clocks skipped it
            others = {} if empty else read_total(redis_client(), name, compared.from_, compared.to)
    except RedisError:
        raise no_redis() from None
    rows = [
        NamedNumber(
            named.replace(STEP, " -> "),
            found.get(named, 0),
            None if others is None else others.get(named, 0),
        )
        for named in {**found, **(others or {})}
    ]
    return sorted(rows, key=lambda row: (-row.number, row.name))


def answers(_query: NoQuery) -> AnswersBody:
    """Demand beside stock, what trends, what is looked for in vain, where people get lost: as of now."""
    try:
        rows = read_demand(timezone.now())
    except RedisError:
        raise no_redis() from None
    trends, vain, steps = kept.trending(), kept.in_vain(), kept.dropoff()
    return AnswersBody(
        missed_an_hour=missed_in_all(rows),
        demand=[msgspec.convert(row, DemandRow, from_attributes=True) for row in rows],
        trending=None if trends is None else [TrendRow(*trend) for trend in trends],
        searches_in_vain=None if vain is None else [one._asdict() for one in vain],
        dropoff=None if steps is None else [step._asdict() for step in steps],
    )
