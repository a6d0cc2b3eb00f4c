"""Where people work on orders, in the admin."""

from django.apps import AppConfig


class OrderDeskConfig(AppConfig):
    """Where people work on orders, in the admin."""

    name = "shopsite.orderdesk"
