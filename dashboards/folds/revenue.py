"""What paid orders brought in, refunds not taken off. Paid orders -> here -> HASH `revenue`.

Field: the currency; value: micros.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import SECONDS_UP, AnyFold, Counts, paid
from dashboards.keys import micros
from shopsite.events.schemas import OrderChanged


def _amounts(changes: Sequence[OrderChanged]) -> Counter[str]:
    amounts: Counter[str] = Counter()
    for change in paid(changes):
        amounts[change.currency] += micros(change.amount)
    return amounts


FOLDS: list[AnyFold] = [
    Counts(
        name="revenue",
        topic="orders",
        tile="revenue",
        keys="amount by currency",
        most="a field a currency",
        fields=_amounts,
        grains=SECONDS_UP,
    )
]
