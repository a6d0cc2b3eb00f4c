"""What happens to each product. Clicks and paid orders -> here -> HASH `products`.

Fields: `v|<id>` views, `c|<id>` put into carts, `x|<id>` taken out, `u|<id>` units sold,
`r|<currency>|<id>` revenue in micros (price x quantity; nothing where the price is unknown).
Bound: five fields a product that anybody touched in the bucket. Tile: top products.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts, paid
from dashboards.keys import micros
from shopsite.events.schemas import Click, OrderChanged

_MARK = {"view_item": "v|", "add_to_cart": "c|", "remove_from_cart": "x|"}


def _touched(clicks: Sequence[Click]) -> Counter[str]:
    mark = _MARK
    return Counter([mark[c.type] + c.product_id for c in clicks if c.type in mark and c.product_id])


def _sold(changes: Sequence[OrderChanged]) -> Counter[str]:
    sold: Counter[str] = Counter()
    for change in paid(changes):
        for line in change.lines:
            sold[f"u|{line.product_id}"] += line.quantity
            if line.price is not None:
                sold[f"r|{change.currency}|{line.product_id}"] += micros(line.price) * line.quantity
    return sold


FOLDS: list[AnyFold] = [
    Counts(name="products", topic="clicks", tile="top products", fields=_touched),
    Counts(name="products", topic="orders", tile="top products", fields=_sold),
]
