"""Fold the three topics into Redis. `manage.py aggregate` -> dashboards/counting/aggregate.py."""

from typing import Any

from django.core.management.base import BaseCommand

from dashboards.counting.aggregate import Aggregator
from shopsite.events.loops import stopping
from shopsite.garbage import collect_seldom


class Command(BaseCommand):
    """`manage.py aggregate`."""

    help = "Fold clicks, orders and stock events into Redis; run up to one a partition."

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Run until SIGTERM or SIGINT."""
        collect_seldom()
        with stopping() as stop:
            Aggregator().run(stop)
