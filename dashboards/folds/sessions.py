"""How many visits there were. Clicks and paid orders -> here -> HyperLogLog `sessions` of session ids."""

from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Uniques, paid
from shopsite.events.schemas import Click, OrderChanged


def _of_clicks(clicks: Sequence[Click]) -> set[str]:
    return {click.session_id for click in clicks if click.session_id}


def _of_orders(changes: Sequence[OrderChanged]) -> set[str]:
    return {change.session_id for change in paid(changes) if change.session_id}


FOLDS: list[AnyFold] = [
    Uniques(name="sessions", topic="clicks", tile="sessions", keys="`session_id`", members=_of_clicks),
    Uniques(name="sessions", topic="orders", tile="sessions", keys="`session_id`", members=_of_orders),
]
