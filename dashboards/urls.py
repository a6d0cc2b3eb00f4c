"""Addresses of dashboards."""

from django.urls import URLPattern, URLResolver, path

from dashboards.views import live, ops

urlpatterns: list[URLPattern | URLResolver] = [
    path("dashboard/", live, name="dashboard"),
    path("ops/", ops, name="ops"),
]
