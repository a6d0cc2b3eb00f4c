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
    steps = [(split_referrer(c.referrer, c.site)[1], c.path) for c in clicks if c.referrer and c.path]
    return Counter([f"{before[:LONGEST]}{STEP}{after[:LONGEST]}" for before, after in steps if before])


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
