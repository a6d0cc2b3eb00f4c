"""The app's name for Django."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The HTTP API's keys."""

    name = "shopsite.api"
    verbose_name = "HTTP API"
