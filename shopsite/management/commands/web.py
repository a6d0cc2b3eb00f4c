"""`manage.py web`: the shop's server, HTTP and websockets. uvicorn -> shopsite/asgi.py."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from shopsite.runtime.web import serve


class Command(BaseCommand):
    """Runs one server process; several may stand behind a proxy."""

    help = "Serve the shop: pages, admin, websockets. Stops gracefully on SIGTERM."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to listen."""
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: 8000)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Serve until SIGTERM or Ctrl-C."""
        serve(options["host"], options["port"])
