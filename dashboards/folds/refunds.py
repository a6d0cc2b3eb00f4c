"""What was given back. Refunded orders -> here -> HASH `refunds`, all of it positive.

Fields: `orders`, `lines`, `units`, `amount|<currency>` in micros.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts
from dashboards.folds.orders import totals
from dashboards.keys import micros
from shopsite.events.schemas import OrderChanged


def _given_back(changes: Sequence[OrderChanged]) -> Counter[str]:
    refunded = [change for change in changes if change.type == "order_refunded"]
    figures = Counter(totals(refunded))
    for change in refunded:
        figures[f"amount|{change.currency}"] += micros(change.amount)
    return figures


FOLDS: list[AnyFold] = [
    Counts(
        name="refunds",
        topic="orders",
        tile="refunds",
        keys="`orders`, `lines`, `units`, amount by currency; all positive",
        most="3 fields and one a currency",
        fields=_given_back,
    )
]
