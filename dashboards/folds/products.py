"""What happens to each product. Clicks and paid orders -> here -> HASH `products`.

Fields: `v|<id>` views, `c|<id>` put into carts, `x|<id>` taken out, `u|<id>` units sold,
`r|<currency>|<id>` revenue in micros (price x quantity; nothing where the price is unknown).
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Cap, Counts, hide_marks, paid
from dashboards.keys import micros
from shopsite.events.schemas import Click, OrderChanged

_MARK = {"view_item": "v|", "add_to_cart": "c|", "remove_from_cart": "x|"}
_CAP = Cap(300, 3000, 10_000)  # of 50,000 products: `benchmarks/memory.py`
_KEYS = "views, put into carts, taken out, units sold, revenue by currency, each by product"


def _touched(clicks: Sequence[Click]) -> Counter[str]:
    mark = _MARK
    touched = Counter([mark[c.type] + c.product_id for c in clicks if c.type in mark and c.product_id])
    return hide_marks(touched, *mark.values())


def _sold(changes: Sequence[OrderChanged]) -> Counter[str]:
    sold: Counter[str] = Counter()
    for change in paid(changes):
        for line in change.lines:
            sold[f"u|{line.product_id}"] += line.quantity
            if line.price is not None:
                sold[f"r|{change.currency}|{line.product_id}"] += micros(line.price) * line.quantity
    return hide_marks(sold, "u|", *{f"r|{change.currency}|" for change in changes})


FOLDS: list[AnyFold] = [
    Counts(
        name="products",
        topic="clicks",
        tile="top products",
        keys=_KEYS,
        fields=_touched,
        cap=_CAP,
        has_kinds=True,
    ),
    Counts(
        name="products",
        topic="orders",
        tile="top products",
        keys=_KEYS,
        fields=_sold,
        cap=_CAP,
        has_kinds=True,
    ),
]
