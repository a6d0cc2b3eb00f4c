"""Orders, their states, payments and mails."""

from django.apps import AppConfig


class OrdersConfig(AppConfig):
    """Orders, their states, payments and mails."""

    name = "orders"
    default_auto_field = "django.db.models.BigAutoField"
