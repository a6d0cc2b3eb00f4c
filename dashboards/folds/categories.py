"""What happens on each shelf. Clicks that name their category -> here -> HASH `categories`.

Fields: `l|<category>` lists opened, `v|<category>` products viewed, `c|<category>` put into carts. The shop
says the category in the click: a fold looks nothing up.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, LONGEST, AnyFold, Counts, hide_marks
from shopsite.events.schemas import Click

_MARK = {"view_item_list": "l|", "view_item": "v|", "add_to_cart": "c|"}


def _count(clicks: Sequence[Click]) -> Counter[str]:
    mark = _MARK
    touched = Counter([mark[c.type] + c.category[:LONGEST] for c in clicks if c.category and c.type in mark])
    return hide_marks(touched, *mark.values())


FOLDS: list[AnyFold] = [
    Counts(
        name="categories",
        topic="clicks",
        tile="categories",
        keys="lists opened, products viewed, put into carts, each by category",
        fields=_count,
        cap=LIST,
        has_kinds=True,
    )
]
