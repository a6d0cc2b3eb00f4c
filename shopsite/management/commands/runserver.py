"""`manage.py runserver`: Django's development server, with websockets. uvicorn -> shopsite/asgi.py.

Usage, reload and checks are Django's own; only what answers requests is another.
"""

import os
from typing import Any

from django.core.management.commands.runserver import Command as DjangoRunserver
from django.db import connections
from django.utils import autoreload

from shopsite.runtime.checks import check_broker, check_redis
from shopsite.runtime.ports import is_free
from shopsite.runtime.web import serve


class Command(DjangoRunserver):
    """Serves pages, static files and websockets, and starts again when code changes."""

    addr: str  # Django sets these two
    port: str
    help = "Start a development server with websockets. Kafka and Redis are those of the settings."

    def inner_run(self, *_args: Any, **options: Any) -> None:
        """Check, say what is missing, serve until Ctrl-C."""
        autoreload.raise_last_exception()
        if not options["skip_checks"]:
            self.stdout.write("Performing system checks...\n\n")
            self.check(display_num_errors=True)
        self.check_migrations()
        self._say_what_is_missing()
        connections.close_all()
        host, port = self.addr, int(self.port)
        if not is_free(port, host):
            self.stderr.write(
                f"Error: port {port} of {host} is in use: choose another, as `runserver {port + 1}`."
            )
            os._exit(1)  # sys.exit would only end the reloader's thread
        self.on_bind(port)
        serve(host, port)

    def _say_what_is_missing(self) -> None:
        """The shop works without Kafka; whoever waits for a number to move should know."""
        if not (broker := check_broker()).ok:
            self.stderr.write(
                f"Kafka is missing: {broker.what}. The shop and the admin work; orders wait in the outbox "
                "and clicks in a file until Kafka and `manage.py relay` run. `make demo` starts everything."
            )
        if not (redis := check_redis()).ok:
            self.stderr.write(f"Redis is missing: {redis.what}. The live dashboard stands still without it.")
