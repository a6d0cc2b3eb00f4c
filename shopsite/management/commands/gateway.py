"""`manage.py gateway`: the simulated payment provider, with a heartbeat. gateway/server.py does the work."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from shopsite.config import LOCAL_DIR
from shopsite.events.heartbeat import Heartbeat
from shopsite.gateway.bank import Timing
from shopsite.gateway.server import Options, serve


class Command(BaseCommand):
    """Runs one process; its store is a file of its own, never the shop's database."""

    help = "Serve the simulated payment gateway: test cards, webhooks, the page to confirm on."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen, and how long things take."""
        address = urlsplit(settings.GATEWAY_URL)
        parser.add_argument("--host", default=address.hostname, help="address to listen on")
        parser.add_argument("--port", type=int, default=address.port, help="port to listen on")
        parser.add_argument(
            "--store",
            type=Path,
            default=LOCAL_DIR / "gateway.sqlite3",
            help="file of its books",
        )
        parser.add_argument(
            "--late", type=float, default=Timing.late, help="seconds until a late webhook (default: 10)"
        )
        parser.add_argument(
            "--hold",
            type=float,
            default=Timing.hold,
            help="seconds that a lost answer hangs (default: 8)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        if settings.PAYMENT_GATEWAY != "simulated":
            where = settings.PAYMENT_GATEWAY
            raise CommandError(f"PAYMENT_GATEWAY={where}: orders are paid there; nobody would ask this bank.")
        heartbeat = Heartbeat("gateway")
        try:
            serve(
                Options(
                    host=options["host"],
                    port=options["port"],
                    store=options["store"],
                    key=settings.GATEWAY_KEY,
                    webhook_secret=settings.WEBHOOK_SECRET,
                    public_url=settings.GATEWAY_PUBLIC_URL,
                    timing=Timing(late=options["late"], hold=options["hold"]),
                ),
                on_tick=heartbeat.beat,
            )
        finally:
            heartbeat.stop()
