"""Which campaigns bring people. Clicks of people -> here -> HASH `campaigns`, field: the campaign.

Cap: 1,000 fields a partition's bucket, the rest is counted as (other). Tile: campaigns.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return Counter([click.campaign for click in clicks if click.campaign])


FOLDS: list[AnyFold] = [Counts(name="campaigns", topic="clicks", tile="campaigns", fields=_count, cap=1000)]
