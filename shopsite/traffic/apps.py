"""The app of replay and simulate: it keeps what was sent already."""

from django.apps import AppConfig


class TrafficConfig(AppConfig):
    """Recordings and made-up shoppers, and which of them were sent."""

    name = "shopsite.traffic"
    default_auto_field = "django.db.models.BigAutoField"
