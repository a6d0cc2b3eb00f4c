"""What people look for. Clicks with a search -> here -> HASH `searches`, field: the words in lower case.

Only events of type `search` count, so that a page that repeats its words does not count twice.
Cap: 1,000 fields a partition's bucket, the rest is counted as (other). Tile: searches.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import AnyFold, Counts
from shopsite.events.schemas import Click

LONGEST = 80  # characters kept of what was typed


def _words(text: str) -> str:
    return " ".join(text.lower().split())[:LONGEST]


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return Counter([_words(c.search) for c in clicks if c.search and c.type == "search"])


FOLDS: list[AnyFold] = [Counts(name="searches", topic="clicks", tile="searches", fields=_count, cap=1000)]
