"""Who is looking. Cookies -> here -> clicks.py, carts.py, the order pages.

A visitor is a browser, known for two years by a random id that survives log in and log out; an account
is a person. A session is one visit: it ends after 30 minutes without a page. The visit's cookie says whether
it is the browser's first one, so that new and returning people are told apart without a look-up.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import uuid4

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

VISIT_COOKIE = "visit"
VISITOR_SECONDS = 2 * 365 * 24 * 3600
SESSION_SECONDS = 30 * 60
FOUND_COOKIE = "found"
FOUND_SECONDS = 30 * 24 * 3600
MOST_FOUND = 10  # a cookie has 4 kB
FOUND_SALT = "orders found"
FIRST = "-first"  # at the end of the visit's cookie
_ID = re.compile(r"[0-9a-f]{32}")  # what we hand out; anything else in the cookie was not ours


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser and its present visit."""

    id: str
    session: str
    is_new: bool  # it sent no id: neither a cart nor an order can be its own
    is_first: bool  # the browser was never here before this visit
    found: tuple[str, ...] = ()  # orders of other browsers that it knew by number and e-mail


class ShopRequest(HttpRequest):
    """A request that has passed VisitorMiddleware."""

    visitor: Visitor


def read_visitor(cookies: Mapping[str, str]) -> Visitor:
    """The visitor whom the cookies name, or a new one."""
    known = _known(cookies.get(settings.VISITOR_COOKIE))
    told = cookies.get(VISIT_COOKIE, "")
    session = _known(told.removesuffix(FIRST))
    return Visitor(
        id=known or uuid4().hex,
        session=session or uuid4().hex,
        is_new=known is None,
        is_first=known is None or (session is not None and told.endswith(FIRST)),
        found=_found(cookies.get(FOUND_COOKIE, "")),
    )


def _known(value: str | None) -> str | None:
    return value if value and _ID.fullmatch(value) else None


def _found(cookie: str) -> tuple[str, ...]:
    try:
        return tuple(signing.loads(cookie, salt=FOUND_SALT, max_age=FOUND_SECONDS)) if cookie else ()
    except signing.BadSignature:
        return ()


def keep_found(response: HttpResponseBase, visitor: Visitor, order_id: str, *, secure: bool) -> None:
    """Let the browser see this order for a month, with those that it found last."""
    found = [*(one for one in visitor.found if one != order_id), order_id][-MOST_FOUND:]
    response.set_cookie(
        FOUND_COOKIE,
        signing.dumps(found, salt=FOUND_SALT),
        max_age=FOUND_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=secure,
    )


def keep_visitor(response: HttpResponseBase, visitor: Visitor, *, secure: bool) -> None:
    """Let the browser remember who it is; each page begins the 30 minutes anew."""
    visit = visitor.session + FIRST * visitor.is_first
    for name, value, age in (
        (settings.VISITOR_COOKIE, visitor.id, VISITOR_SECONDS),
        (VISIT_COOKIE, visit, SESSION_SECONDS),
    ):
        response.set_cookie(name, value, max_age=age, httponly=True, samesite="Lax", secure=secure)
