"""Which campaigns bring people.

Clicks of people -> here -> HASH `campaigns`.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, AnyFold, Counts, tally
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return tally([click.campaign for click in clicks])


FOLDS: list[AnyFold] = [
    Counts(name="campaigns", topic="clicks", tile="sources", keys="the campaign", fields=_count, cap=LIST)
]
