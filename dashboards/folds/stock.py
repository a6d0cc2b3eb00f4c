"""How stock moved, and why. Stock events -> here -> HASH `stock`, by reason ("" where none was given).

Fields: `events|<reason>`, `change|<reason>` (sum of the changes, with their sign).
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, LONGEST, AnyFold, Counts, hide_marks
from shopsite.events.schemas import StockChanged


def _moves(changes: Sequence[StockChanged]) -> Counter[str]:
    moves: Counter[str] = Counter()
    for change in changes:
        reason = (change.reason or "")[:LONGEST]
        moves[f"events|{reason}"] += 1
        moves[f"change|{reason}"] += change.quantity_change
    return hide_marks(moves, "events|", "change|")


FOLDS: list[AnyFold] = [
    Counts(
        name="stock",
        topic="inventory",
        tile="stock movements",
        keys="events and sum of changes, each by reason",
        fields=_moves,
        cap=LIST,
        has_kinds=True,
    )
]
