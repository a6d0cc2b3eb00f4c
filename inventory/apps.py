"""Stock: levels, ledger and reservations."""

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    """Stock: levels, ledger and reservations."""

    name = "inventory"
    default_auto_field = "django.db.models.BigAutoField"
