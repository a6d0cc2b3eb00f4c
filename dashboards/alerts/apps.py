"""Alerts: an app of its own, since their tables are no figures."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    """Rules on figures, and the alerts that they raise."""

    name = "dashboards.alerts"
    label = "alerts"
    default_auto_field = "django.db.models.BigAutoField"
