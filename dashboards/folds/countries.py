"""Where people are. Clicks of people -> here -> HASH `countries`, field: the country.

Cap: 1,000 fields a partition's bucket, the rest is counted as (other). Tile: countries.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return Counter([click.country for click in clicks if click.country])


FOLDS: list[AnyFold] = [Counts(name="countries", topic="clicks", tile="countries", fields=_count, cap=1000)]
