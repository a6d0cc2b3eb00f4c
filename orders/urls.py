"""Addresses of orders."""

from django.urls import URLPattern, URLResolver, path

from orders.views import mail_preview

urlpatterns: list[URLPattern | URLResolver] = [
    path("orders/<path:order_id>/mails/<slug:kind>/", mail_preview, name="mail_preview"),
]
