"""The shop's pages, cart, checkout and clicks."""

from django.apps import AppConfig


class StorefrontConfig(AppConfig):
    """The shop's pages, cart, checkout and clicks."""

    name = "shopsite.storefront"
    default_auto_field = "django.db.models.BigAutoField"
