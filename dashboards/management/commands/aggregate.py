"""Fold the three topics into Redis. `manage.py aggregate` -> dashboards/aggregate.py."""

from typing import Any

from django.core.management.base import BaseCommand

from dashboards.aggregate import Aggregator
from shopsite.events.loops import stopping


class Command(BaseCommand):
    """`manage.py aggregate`."""

    help = "Fold clicks, orders and stock events into Redis; run up to one a partition."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Run until SIGTERM or SIGINT."""
        with stopping() as stop:
            Aggregator().run(stop)
