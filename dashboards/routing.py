"""Websocket addresses of the live pages."""

from typing import Any

from django.urls import path

from dashboards.screen.sockets import DashboardSocket, GuestSocket

websocket_urlpatterns: list[Any] = [  # Channels' type for it is private
    path("ws/dashboard/", DashboardSocket.as_asgi()),  # type: ignore[arg-type]  # an ASGI callable, not a view
    path("ws/shared/<str:token>/", GuestSocket.as_asgi()),  # type: ignore[arg-type]  # as above
]
