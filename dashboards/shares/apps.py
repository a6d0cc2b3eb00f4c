"""Share links: an app of its own, since their table is no figure."""

from django.apps import AppConfig


class SharesConfig(AppConfig):
    """Links by which others may watch the live page."""

    name = "dashboards.shares"
    label = "shares"
    default_auto_field = "django.db.models.BigAutoField"
