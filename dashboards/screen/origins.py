"""Which pages may open a websocket here: our own. asgi.py -> here -> routing.py.

A browser sends its cookies along whoever opens the socket, so the page's origin decides, and all of
it: scheme, host and port. Channels' own validator for allowed hosts ignores the scheme.
"""

from typing import Any

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host


def own_pages_only(inner: Any) -> Any:  # noqa: ANN401 - an ASGI application: the stubs know too many kinds
    """An ASGI application that refuses the sockets of other sites' pages, and of what names no page."""

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> Any:  # noqa: ANN401 - ASGI's
        if is_own_page(scope):
            return await inner(scope, receive, send)
        return await WebsocketDenier()(scope, receive, send)  # type: ignore[arg-type]  # a scope is a dict

    return application


def is_own_page(scope: dict[str, Any]) -> bool:
    """Whether a socket's Origin is the address that was called, or one that the settings name."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    origin, host = headers.get(b"origin", ""), headers.get(b"host", "")
    if origin in {settings.SHOP_ORIGIN, *settings.CSRF_TRUSTED_ORIGINS}:
        return True
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    domain, _ = split_domain_port(host)
    return validate_host(domain, settings.ALLOWED_HOSTS) and origin == f"{scheme}://{host}"
