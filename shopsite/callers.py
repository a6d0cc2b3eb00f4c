"""Who is at a websocket. Cookies of its handshake -> here -> the sockets of dashboards and storefront.

Channels' session middleware wraps `send`, to set cookies on HTTP answers. A websocket has none, and that
took a quarter of each frame's CPU (benchmarks/fanout.py). So nothing wraps `send`; a socket asks here.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError
from django.http import HttpRequest

log = logging.getLogger(__name__)
RETRY_S = 2.0  # while the database does not say who somebody is


def session_key_of(scope: Mapping[str, Any]) -> str:
    """The session that the handshake's cookie names, "" for none.

    scope: of a socket below CookieMiddleware.
    """
    return str(scope["cookies"].get(settings.SESSION_COOKIE_NAME, ""))


def find_caller(session_key: str) -> User | AnonymousUser:
    """Whose session it is, as the database has it now. Raises DatabaseError."""
    request = HttpRequest()
    request.session = SessionStore(session_key or None)  # made anew: one that was read remembers
    return get_user(request)


async def caller_of(scope: Mapping[str, Any]) -> User | AnonymousUser:
    """Who is at a socket, as the database has it now. Raises DatabaseError."""
    return await database_sync_to_async(find_caller)(session_key_of(scope))


async def refusal_to_come(refusal: Callable[[], Awaitable[int | None]], *, every: float) -> int:
    """Wait until somebody may stay no longer; the close code. every: seconds from one look to the next.

    refusal: looks, and raises DatabaseError where that is not known; then it is asked again soon.
    """
    wait = every
    while True:
        await asyncio.sleep(wait)
        try:
            code = await refusal()
        except DatabaseError as error:
            log.warning("whether somebody may stay at a socket is not known, asking again: %s", error)
            wait = RETRY_S
            continue
        if code:
            return code
        wait = every
