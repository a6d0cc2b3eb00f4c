"""`manage.py relay`: bring the outbox to Kafka until asked to stop. A door to events/relay.py."""

from typing import Any

from django.core.management.base import BaseCommand

from shopsite.events import relay
from shopsite.events.loops import stopping
from shopsite.garbage import collect_seldom


class Command(BaseCommand):
    """Bring the outbox to Kafka."""

    help = (
        "Publish outbox rows to Kafka, in order, acknowledged by all in-sync replicas. Run any number: "
        "one is active, the others stand by. Ends at SIGTERM or Ctrl-C."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Relay until asked to stop."""
        collect_seldom()
        with stopping() as stop:
            relay.run(stop)
