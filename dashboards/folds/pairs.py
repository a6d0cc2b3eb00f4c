"""What is bought together. Paid orders -> here -> HASH `pairs`.

Fields: `o|<product>` orders with the product, `p|<product>STEP<product>` orders with both, in the order
of their ids. Of a longer order only the first 12 products are paired.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from dashboards.folds.base import AnyFold, Cap, Counts, hide_marks, paid
from dashboards.keys import STEP
from shopsite.events.schemas import OrderChanged

PAIRED = 12  # products of an order: 66 pairs


def _count(changes: Sequence[OrderChanged]) -> Counter[str]:
    found: Counter[str] = Counter()
    for change in paid(changes):
        products = sorted(dict.fromkeys(line.product_id for line in change.lines))[:PAIRED]
        found.update([f"o|{product}" for product in products])
        found.update([f"p|{first}{STEP}{second}" for first, second in combinations(products, 2)])
    return hide_marks(found, "o|")


FOLDS: list[AnyFold] = [
    Counts(
        name="pairs",
        topic="orders",
        tile="bought together",
        keys="orders by product, and by two products",
        fields=_count,
        cap=Cap(100, 1000, 10_000),
        has_kinds=True,
    )
]
