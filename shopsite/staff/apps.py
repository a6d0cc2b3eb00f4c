"""The audit log of what staff did."""

from importlib import import_module

from django.apps import AppConfig


class StaffConfig(AppConfig):
    """The audit log of what staff did."""

    name = "shopsite.staff"
    verbose_name = "Audit log"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hear of logins; Django tells them by signals only."""
        import_module("shopsite.staff.logins")
