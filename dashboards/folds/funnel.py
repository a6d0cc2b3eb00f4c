"""How far people get. Clicks and paid orders -> here -> HyperLogLogs `funnel.<stage>` of user ids.

Each stage counts on its own: whoever bought without a cart is in `purchase` only.
"""

from collections.abc import Callable, Sequence

from dashboards.folds.base import AnyFold, Uniques, paid
from shopsite.events.schemas import Click, OrderChanged

CLICK_STAGES = ("view_item", "add_to_cart", "begin_checkout", "add_payment_info")
STAGES = (*CLICK_STAGES, "purchase")  # in the order in which they are shown


def _who_did(stage: str) -> Callable[[Sequence[Click]], set[str]]:
    def members(clicks: Sequence[Click]) -> set[str]:
        return {click.user_id for click in clicks if click.type == stage}

    return members


def _who_bought(changes: Sequence[OrderChanged]) -> set[str]:
    return {change.user_id for change in paid(changes) if change.user_id}


FOLDS: list[AnyFold] = [
    *(
        Uniques(
            name=f"funnel.{stage}", topic="clicks", tile="funnel", keys="`user_id`", members=_who_did(stage)
        )
        for stage in CLICK_STAGES
    ),
    Uniques(name="funnel.purchase", topic="orders", tile="funnel", keys="`user_id`", members=_who_bought),
]
