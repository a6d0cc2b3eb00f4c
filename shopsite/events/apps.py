"""The way of an event: schemas, topics, outbox, relay, inbox, dead letters."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """The way of an event: schemas, topics, outbox, relay, inbox, dead letters."""

    name = "shopsite.events"
    default_auto_field = "django.db.models.BigAutoField"
