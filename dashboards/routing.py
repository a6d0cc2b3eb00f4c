"""Websocket addresses of the live pages."""

from django.urls import URLPattern, path

from dashboards.sockets import DashboardSocket

websocket_urlpatterns: list[URLPattern] = [
    path("ws/dashboard/", DashboardSocket.as_asgi()),  # type: ignore[arg-type]  # an ASGI callable, not a view
]
