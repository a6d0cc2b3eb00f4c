"""What people look for and do not find. Searches -> here -> page.

docs/metrics.md, "Searches in vain".
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from dashboards.answers.spans import WEEK, sums
from dashboards.folds.base import named

SHOWN = 20


class Vain(NamedTuple):
    """Words that found nothing."""

    words: str
    searches: int  # that found nothing
    share: float  # of all searches for these words


def vain(empty: Mapping[str, int], searches: Mapping[str, int]) -> list[Vain]:
    """The words that found nothing, most often first."""
    counted = named(empty)
    found = [
        Vain(words, number, round(number / max(number, searches.get(words, 0)), 2))
        for words, number in counted.items()
    ]
    return sorted(found, key=lambda one: (-one.searches, one.words))[:SHOWN]


def read_vain(now: datetime) -> list[Vain]:
    """Of the last seven days. Raises RedisError."""
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    found = sums(end - WEEK, end, "empty_searches", "searches")
    return vain(found["empty_searches"], found["searches"])
