"""Who is at a websocket. Cookies of its handshake -> here -> the sockets of dashboards and storefront.

Channels' session middleware wraps `send`, to set cookies on HTTP answers. A websocket has none, and that
took a quarter of each frame's CPU (benchmarks/fanout.py). So nothing wraps `send`; a socket asks here.
"""

from collections.abc import Mapping
from typing import Any, cast

from channels.auth import get_user
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore


async def caller_of(scope: Mapping[str, Any]) -> User | AnonymousUser:
    """Whose session the handshake's cookie names, as the database has it now. Raises DatabaseError.

    scope: of a socket below CookieMiddleware.
    """
    # made anew: one that was read remembers
    session = SessionStore(scope["cookies"].get(settings.SESSION_COOKIE_NAME))
    found = await get_user({**scope, "session": session})  # type: ignore[typeddict-item]  # more than its scope
    return cast("User | AnonymousUser", found)
