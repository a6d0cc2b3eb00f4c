"""What a shopper did, told after the answer has left. Views -> note -> tell -> events.clicks -> Kafka.

Nothing here may slow or break a page: `note` only remembers, and what goes wrong in `tell` is logged.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import get_args
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone

from orders.models import Lead
from shopsite.events import clicks
from shopsite.events.browsers import device, is_bot
from shopsite.events.referrers import source_of
from shopsite.events.schemas import Click, ClickType
from shopsite.storefront.leads import remember
from shopsite.storefront.visitors import ShopRequest, Visitor, keep_visitor

log = logging.getLogger(__name__)
TYPES = frozenset(get_args(ClickType))
_NOTED = "shopsite.noted"  # where a request keeps what it noted


@dataclass(frozen=True, slots=True)
class Noted:
    """One thing that happened, before the request is looked at."""

    type: ClickType
    product_id: str | None
    search: str | None
    results: int | None
    category: str | None
    at: datetime
    event_id: str
    is_page: bool  # an address that was opened; otherwise a button on the page named by the referrer


def note(
    request: HttpRequest,
    kind: ClickType,
    *,
    product_id: str | None = None,
    search: str | None = None,
    results: int | None = None,
    category: str | None = None,
    is_page: bool = True,
) -> None:
    """Remember that a shopper did this; it is told when the answer has been sent."""
    words = search.lower()[:200] if search else None
    noted = Noted(kind, product_id, words, results, category or None, timezone.now(), uuid4().hex, is_page)
    request.META.setdefault(_NOTED, []).append(noted)


def tell_afterwards(request: ShopRequest, response: HttpResponseBase) -> None:
    """Have the server tell what the request noted once the response is closed, and mark the browser."""
    noted: list[Noted] | None = request.META.get(_NOTED)
    if not noted:
        return
    keep_visitor(response, request.visitor, secure=request.is_secure())
    lead, secure = _lead(noted[0], request), request.is_secure()
    source = source_of(remember(response, request.COOKIES, request.visitor, lead, secure=secure))
    # Django's own hook for work after the last byte; it runs each closer and goes on whatever it raises.
    response._resource_closers.append(lambda: tell(noted, request, source))  # type: ignore[attr-defined]


def tell(noted: list[Noted], request: ShopRequest, source: str | None) -> None:
    """Send what was noted. Never raises: a page is worth more than its count. source: sent the visit."""
    try:
        for one in noted:
            clicks.emit(_click(one, request, request.visitor, source))
    except Exception:  # whatever it is, the shopper has the page already
        log.exception("A click was not counted; the page itself was served.")


def _click(noted: Noted, request: HttpRequest, visitor: Visitor, source: str | None) -> Click:
    headers = request.headers
    agent = headers.get("User-Agent", "")
    referrer = _without_query(headers.get("Referer", ""))
    return Click(
        user_id=visitor.id,
        product_id=noted.product_id,
        timestamp=noted.at,
        type=noted.type,
        event_id=noted.event_id,
        session_id=visitor.session,
        # a button is pressed on a page: it happened there, and led nowhere
        path=request.path[:2048] if noted.is_page else urlsplit(referrer).path or None,
        referrer=(referrer or None) if noted.is_page else None,
        campaign=campaign(request.GET),
        device=device(agent),
        country=country(request),
        source=source,
        search=noted.search,
        results=noted.results,
        category=noted.category,
        returning=not visitor.is_first,
        bot=is_bot(agent),
    )


def _lead(noted: Noted, request: HttpRequest) -> Lead:
    """The click as what may have brought the visit, should it be its first."""
    return Lead(
        event_id=noted.event_id,
        type=noted.type,
        at=noted.at,
        path=request.path,
        referrer=_without_query(request.headers.get("Referer", "")),
        campaign=campaign(request.GET) or "",
    )


def _without_query(address: str) -> str:
    """The address up to its path: what follows may be private, and is no page of its own."""
    return address.partition("?")[0].partition("#")[0][:2048]


def campaign(query: Mapping[str, str]) -> str | None:
    """The campaign that a link names by utm_campaign, else by utm_source and utm_medium."""
    if name := query.get("utm_campaign", "").strip():
        return name[:200]
    parts = (query.get(key, "").strip() for key in ("utm_source", "utm_medium"))
    return " / ".join(part for part in parts if part)[:200] or None


def country(request: HttpRequest) -> str | None:
    """Two letters: from the header that our proxy sets, else the region of the first language."""
    if settings.COUNTRY_HEADER:
        told = request.headers.get(settings.COUNTRY_HEADER, "").strip().upper()
        return told if _is_country(told) else None
    first = request.headers.get("Accept-Language", "").partition(",")[0].partition(";")[0]
    region = first.strip().rpartition("-")[2].upper() if "-" in first else ""
    return region if _is_country(region) else None


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isascii() and code.isalpha()
