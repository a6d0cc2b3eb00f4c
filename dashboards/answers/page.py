"""All answers as the page shows them, at most some seconds old. kept, demand, board -> here -> views.py."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.core.cache import cache
from redis.exceptions import RedisError

from dashboards.answers import kept
from dashboards.answers.demand import SHOWN, Demand, missed_in_all, read_demand
from dashboards.answers.dropoff import Step
from dashboards.answers.names import Named, names_of
from dashboards.answers.together import Partner
from dashboards.answers.trending import Trend
from dashboards.answers.vain import Vain

KEPT_SECONDS = 5
PAIRS = 10
ROWS = 10
STAGE_NAMES = {
    "view_item": "look at a product",
    "add_to_cart": "put one into the cart",
    "begin_checkout": "begin the checkout",
    "add_payment_info": "send the payment",
    "purchase": "buy",
}


@dataclass
class Answers:
    """What the page shows. None: nobody made it in the last hour."""

    demand: list[tuple[Named, Demand]] = field(default_factory=list)
    missed: Decimal = Decimal(0)  # an hour, by all that is sold out, listed or not
    trends: list[tuple[Named, Trend]] | None = None
    steps: list[tuple[str, str, Step]] | None = None  # stage before, stage, step
    vain: list[Vain] | None = None
    pairs: list[tuple[Named, Named, Partner]] = field(default_factory=list)
    trouble: str = ""  # why there are no figures


def read_answers(now: datetime) -> Answers:
    """Everything; what Redis does not tell is said. Raises DatabaseError."""
    found: Answers | None = cache.get("answers")
    if found is None:
        found = _read(now)
        cache.set("answers", found, KEPT_SECONDS)
    return found


def _read(now: datetime) -> Answers:
    try:
        every = read_demand(now)
    except (RedisError, OSError) as error:
        return Answers(trouble=f"Redis does not answer, so there are no figures: {error}")
    rows = every[:SHOWN]
    trends, pairs = kept.trending(), kept.pairs(PAIRS)
    skus = [row.product_id for row in rows] + [trend.product_id for trend in trends or ()]
    names = names_of(skus + [sku for one, partner in pairs for sku in (one, partner.product_id)])
    steps = kept.dropoff()
    return Answers(
        demand=[(names[row.product_id], row) for row in rows],
        missed=missed_in_all(every),
        trends=None if trends is None else [(names[one.product_id], one) for one in trends[:ROWS]],
        steps=None
        if steps is None
        else [(STAGE_NAMES[step.before], STAGE_NAMES[step.stage], step) for step in steps],
        vain=(kept.in_vain() or [])[:ROWS] if steps is not None else None,
        pairs=[(names[one], names[partner.product_id], partner) for one, partner in pairs],
    )
