"""Where people are.

Clicks of people -> here -> HASH `countries`.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, AnyFold, Counts, tally
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return tally([click.country for click in clicks])


FOLDS: list[AnyFold] = [
    Counts(name="countries", topic="clicks", tile="countries", keys="the country", fields=_count, cap=LIST)
]
