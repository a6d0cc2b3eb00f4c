"""How many people came. Clicks and paid orders -> here -> HyperLogLog `visitors` of user ids.

An order whose customer is unknown (user id "") has no visitor. `visitors.new` and `visitors.returning` are
those whose browser says so; whoever comes twice in a range may be in both.
"""

from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Uniques, paid
from shopsite.events.schemas import Click, OrderChanged


def _of_clicks(clicks: Sequence[Click]) -> set[str]:
    return {click.user_id for click in clicks}


def _new(clicks: Sequence[Click]) -> set[str]:
    return {click.user_id for click in clicks if click.returning is False}


def _returning(clicks: Sequence[Click]) -> set[str]:
    return {click.user_id for click in clicks if click.returning}


def _of_orders(changes: Sequence[OrderChanged]) -> set[str]:
    return {change.user_id for change in paid(changes) if change.user_id}


FOLDS: list[AnyFold] = [
    Uniques(name="visitors", topic="clicks", tile="visitors", keys="`user_id`", members=_of_clicks),
    Uniques(name="visitors", topic="orders", tile="visitors", keys="`user_id`", members=_of_orders),
    Uniques(name="visitors.new", topic="clicks", tile="new and returning", keys="`user_id`", members=_new),
    Uniques(
        name="visitors.returning",
        topic="clicks",
        tile="new and returning",
        keys="`user_id`",
        members=_returning,
    ),
]
