"""`manage.py consume`: write orders, stock events and dead letters down. A door to events/consume.py."""

from typing import Any

from django.core.management.base import BaseCommand

from shopsite.events import consume
from shopsite.events.loops import stopping
from shopsite.fulfilment.wake import wake
from shopsite.garbage import collect_seldom
from shopsite.pipeline import ROUTES


class Command(BaseCommand):
    """Read orders, inventory and the dead-letter topics."""

    help = (
        "Read the topics orders and inventory into the inbox, and dead letters into their table, each "
        "message once. Run up to one for each partition. Ends at SIGTERM or Ctrl-C."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Consume until asked to stop."""
        collect_seldom()
        with stopping() as stop:
            consume.run(stop, ROUTES, lambda topic, partition: wake("drain", topic, partition))
