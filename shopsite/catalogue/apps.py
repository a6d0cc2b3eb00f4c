"""What the shop sells: products and categories."""

from django.apps import AppConfig


class CatalogueConfig(AppConfig):
    """What the shop sells: products and categories."""

    name = "shopsite.catalogue"
    default_auto_field = "django.db.models.BigAutoField"
