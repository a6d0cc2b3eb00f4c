"""What people look for in vain. Searches that found nothing -> here -> HASH `empty_searches`.

Field: the words in lower case. Whoever shows the results says how many there are (`results` of the
click); a search that does not say so is not counted here.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, AnyFold, Counts, tally
from dashboards.folds.searches import words
from shopsite.events.schemas import Click


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return tally(words(c.search) for c in clicks if c.results == 0 and c.search and c.type == "search")


FOLDS: list[AnyFold] = [
    Counts(
        name="empty_searches",
        topic="clicks",
        tile="searches that find nothing",
        keys="the words in lower case",
        fields=_count,
        cap=LIST,
    )
]
