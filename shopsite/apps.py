"""The project is itself an app: its management commands, templates and static files."""

from importlib import import_module

from django.apps import AppConfig


class ShopsiteConfig(AppConfig):
    """The project's own app."""

    name = "shopsite"

    def ready(self) -> None:
        """Make our Celery application the one that every process and thread sends tasks by."""
        import_module("shopsite.celery")
