"""What brought a visit, until it orders. clicks.py -> a signed cookie -> the checkout -> orders.Lead.

Clicks are kept by Kafka for a month only, and nobody can look one up by its visit quickly: so the first
click of a visit goes along in the browser, and is written beside the order.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core import signing
from django.http.response import HttpResponseBase

from orders.models import Lead
from shopsite.storefront.visitors import SESSION_SECONDS, Visitor

COOKIE = "lead"
SALT = "lead"
MAX_TEXT = 500  # of an address: the cookie has to fit into 4 KiB


def remember(
    response: HttpResponseBase, cookies: Mapping[str, str], visitor: Visitor, first: Lead, *, secure: bool
) -> str:
    """Keep a visit's first click in its browser, for 30 minutes from each page on. Returns its referrer."""
    known = cookies.get(COOKIE, "")
    told = _read(known, visitor)
    kept = known if told else _written(first, visitor)
    response.set_cookie(COOKIE, kept, max_age=SESSION_SECONDS, httponly=True, samesite="Lax", secure=secure)
    return str(told["referrer"]) if told else first.referrer


def lead_of(cookies: Mapping[str, str], visitor: Visitor, order_id: str) -> Lead | None:
    """What brought this visit, as a row for its order; None where the browser does not say."""
    told = _read(cookies.get(COOKIE, ""), visitor)
    if told is None:
        return None
    return Lead(
        order_id=order_id,
        event_id=told["event_id"],
        type=told["type"],
        at=datetime.fromisoformat(told["at"]),
        path=told["path"],
        referrer=told["referrer"],
        campaign=told["campaign"],
    )


def _written(first: Lead, visitor: Visitor) -> str:
    return signing.dumps(
        {
            "session": visitor.session,
            "event_id": first.event_id,
            "type": first.type,
            "at": first.at.isoformat(),
            "path": first.path[:MAX_TEXT],
            "referrer": first.referrer[:MAX_TEXT],
            "campaign": first.campaign,
        },
        salt=SALT,
        compress=True,
    )


def _read(kept: str, visitor: Visitor) -> dict[str, Any] | None:
    """What the cookie holds; None for another visit's, or one that we did not sign."""
    try:
        told = signing.loads(kept, salt=SALT, max_age=None) if kept else {}
    except signing.BadSignature:
        return None
    return told if told.get("session") == visitor.session else None
