"""`manage.py demo`: the whole shop, on real servers, until Ctrl-C. -> shopsite/runtime/demo.py."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from shopsite.runtime.demo import Demo, Options
from shopsite.runtime.problems import CannotStart


def port(text: str) -> int:
    """A port number that a user may listen on."""
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise ArgumentTypeError(f"{text!r}: need a port from 1024 to 65535")
    return int(text)


class Command(BaseCommand):
    """Runs everything under one supervisor."""

    help = "Start Kafka, Redis and the whole shop, with made-up shoppers, until Ctrl-C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of a demo."""
        parser.add_argument("--port", type=port, default=8000, help="of the shop (default: 8000)")
        parser.add_argument(
            "--no-traffic", action="store_true", help="no made-up shoppers and no made-up history"
        )
        parser.add_argument(
            "--brokers", type=int, choices=(1, 3), default=1, help="Kafka brokers (default: 1)"
        )
        parser.add_argument("--reload", action="store_true", help="restart the shop when its code changes")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until asked to stop; a failure is one sentence and exit code 1."""
        chosen = Options(
            port=options["port"],
            brokers=options["brokers"],
            traffic=not options["no_traffic"],
            reload=options["reload"],
        )
        try:
            Demo(chosen).run()
        except CannotStart as problem:
            raise CommandError(str(problem)) from problem
