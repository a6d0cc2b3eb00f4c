"""How stock moved, and why. Stock events -> here -> HASH `stock`, by reason ("" where none was given).

Fields: `events|<reason>`, `change|<reason>` (sum of the changes, with their sign).
Bound: two fields a reason. Tile: stock movements.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts
from shopsite.events.schemas import StockChanged


def _moves(changes: Sequence[StockChanged]) -> Counter[str]:
    moves: Counter[str] = Counter()
    for change in changes:
        reason = change.reason or ""
        moves[f"events|{reason}"] += 1
        moves[f"change|{reason}"] += change.quantity_change
    return moves


FOLDS: list[AnyFold] = [Counts(name="stock", topic="inventory", tile="stock movements", fields=_moves)]
