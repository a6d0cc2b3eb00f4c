"""What people look for. Clicks with a search -> here -> HASH `searches`, field: the words in lower case.

Only events of type `search` count, so that a page that repeats its words does not count twice.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, AnyFold, Counts, tally
from shopsite.events.schemas import Click


def words(text: str) -> str:
    """What was typed, in lower case and without needless blanks."""
    return " ".join(text.lower().split())


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return tally(words(c.search) for c in clicks if c.search and c.type == "search")


FOLDS: list[AnyFold] = [
    Counts(
        name="searches",
        topic="clicks",
        tile="searches",
        keys="the words in lower case",
        fields=_count,
        cap=LIST,
    )
]
