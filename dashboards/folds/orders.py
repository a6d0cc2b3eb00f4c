"""How much was sold. Paid orders -> here -> HASH `orders`, fields: `orders`, `lines`, `units`.

An order counts once, when it is paid, at the time in its `paid` event.
"""

from collections.abc import Sequence

from dashboards.folds.base import SECONDS_UP, AnyFold, Counts, paid
from shopsite.events.schemas import OrderChanged


def totals(changes: Sequence[OrderChanged]) -> dict[str, int]:
    """How many orders, lines and units these are; {} for none."""
    if not changes:
        return {}
    return {
        "orders": len(changes),
        "lines": sum(len(change.lines) for change in changes),
        "units": sum(line.quantity for change in changes for line in change.lines),
    }


def _sold(changes: Sequence[OrderChanged]) -> dict[str, int]:
    return totals(paid(changes))


FOLDS: list[AnyFold] = [
    Counts(
        name="orders",
        topic="orders",
        tile="orders",
        keys="`orders`, `lines`, `units`",
        most="3 fields",
        fields=_sold,
        grains=SECONDS_UP,
    )
]
