"""Which other sites send people. Clicks with a referrer -> here -> HASH `referrers`, field: the host.

A referrer on the page's own site is a step, not a source: see paths.py.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, AnyFold, Counts, tally
from shopsite.events.referrers import split_referrer
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    split = split_referrer
    return tally([split(c.referrer, c.site)[0] for c in clicks if c.referrer])


FOLDS: list[AnyFold] = [
    Counts(
        name="referrers", topic="clicks", tile="sources", keys="the referrer's host", fields=_count, cap=LIST
    )
]
