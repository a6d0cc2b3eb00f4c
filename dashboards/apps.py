"""Aggregates of the event log and the live pages made of them."""

from django.apps import AppConfig


class DashboardsConfig(AppConfig):
    """Aggregates of the event log and the live pages made of them."""

    name = "dashboards"
    default_auto_field = "django.db.models.BigAutoField"
