"""Websocket addresses of the shop."""

from typing import Any

from django.urls import path

from shopsite.storefront.sockets import OrderSocket

websocket_urlpatterns: list[Any] = [  # Channels' type for it is private
    path("ws/orders/<path:order_id>/", OrderSocket.as_asgi()),  # type: ignore[arg-type]  # an ASGI callable
]
