"""Which steps orders took. Our own order events -> here -> HASH `changes`, field: the event's type."""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts
from shopsite.events.schemas import OrderChanged


def _steps(changes: Sequence[OrderChanged]) -> Counter[str]:
    return Counter([change.type for change in changes])


FOLDS: list[AnyFold] = [
    Counts(
        name="changes",
        topic="orders",
        tile="orders by status",
        keys="the event's type",
        most="9 fields",
        fields=_steps,
    )
]
