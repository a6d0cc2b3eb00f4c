"""What the server runs: websockets to the live pages, files and programs beside Django, the rest to it."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shopsite.settings")

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.sessions import CookieMiddleware
from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from dashboards.board import register_board
from dashboards.routing import websocket_urlpatterns as live_pages
from dashboards.screen.origins import own_pages_only
from shopsite import boards
from shopsite.api.server import with_api
from shopsite.events.collect import with_collect
from shopsite.runtime.static_files import with_static
from shopsite.storefront.routing import websocket_urlpatterns as order_pages

register_board(boards)  # dashboards may not know of orders and stock themselves

application = ProtocolTypeRouter(
    {
        "http": with_static(with_collect(with_api(django_application))),
        "websocket": own_pages_only(CookieMiddleware(URLRouter([*live_pages, *order_pages]))),
    }
)
