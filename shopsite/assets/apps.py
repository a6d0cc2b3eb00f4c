"""Django knows the app by this."""

from django.apps import AppConfig


class AssetsConfig(AppConfig):
    """Brings the template tag along."""

    name = "shopsite.assets"
