"""The project is itself an app: its management commands, templates and static files."""

from django.apps import AppConfig


class ShopsiteConfig(AppConfig):
    """The project's own app."""

    name = "shopsite"
