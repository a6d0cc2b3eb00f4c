"""Which other sites send people. Clicks with a referrer -> here -> HASH `referrers`, field: the host.

A referrer on the page's own site is a step, not a source: see paths.py.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings

from dashboards.folds.base import LIST, AnyFold, Counts, tally
from shopsite.events.schemas import Click


@lru_cache(maxsize=20_000)
def split_referrer(referrer: str, site: str | None) -> tuple[str, str]:
    """(host, "") of a referrer elsewhere, ("", path) of one on the same site, ("", "") of nonsense."""
    try:
        parts = urlsplit(referrer)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # such as a bracket that is never closed: nobody can follow it
        return "", ""
    if not host:
        return "", parts.path if parts.path.startswith("/") else ""
    own = (site or "").removeprefix("www."), urlsplit(settings.SHOP_ORIGIN).hostname
    return ("", parts.path or "/") if host in own else (host, "")


def _count(clicks: Sequence[Click]) -> Counter[str]:
    return tally(split_referrer(c.referrer, c.site)[0] for c in clicks if c.referrer)


FOLDS: list[AnyFold] = [
    Counts(
        name="referrers", topic="clicks", tile="sources", keys="the referrer's host", fields=_count, cap=LIST
    )
]
