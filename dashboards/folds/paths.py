"""From which page people go to which. Clicks with a referrer on the same site -> here -> HASH `paths`.

Field: the referrer's path, the separator STEP, the page's path.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, LONGEST, AnyFold, Counts
from dashboards.keys import STEP
from shopsite.events.referrers import split_referrer
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    split = split_referrer
    return Counter(
        [
            f"{before[:LONGEST]}{STEP}{c.path[:LONGEST]}"
            for c in clicks
            if c.referrer and c.path and (before := split(c.referrer, c.site)[1])
        ]
    )


FOLDS: list[AnyFold] = [
    Counts(
        name="paths",
        topic="clicks",
        tile="ways through the shop",
        keys="from which path to which",
        fields=_count,
        cap=LIST,
    )
]
