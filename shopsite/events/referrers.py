"""What a referrer says: another site, which sent the visit, or the page before. folds, storefront -> here."""

from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings


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


def source_of(referrer: str) -> str | None:
    """The site that sent a visit, by the referrer of its first page; None where none did."""
    return split_referrer(referrer, None)[0][:200] or None
