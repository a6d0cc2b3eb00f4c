"""Make the aggregates anew from the log. `manage.py rebuild` -> dashboards/proof/rebuild.py."""

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from dashboards.proof.rebuild import Busy, rebuild
from shopsite.events.loops import stopping
from shopsite.events.redis import redis_client
from shopsite.events.schemas import Unavailable


class Command(BaseCommand):
    """`manage.py rebuild [--json]`."""

    help = (
        "Fold the whole log anew, beside the live figures and while they run, and switch over at the end. "
        "Figures of clicks that are older than the log keeps them are not made again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("--json", action="store_true", help="the result as one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Rebuild; exit 1 where it could not be finished."""
        began = time.monotonic()
        try:
            with stopping() as stop:
                generation = rebuild(redis_client(), stop, self._tell)
        except (Busy, Unavailable, RedisError) as error:
            raise CommandError(f"The figures are as they were: {error}") from error
        if generation is None:
            raise CommandError("Stopped. The figures are as they were.")
        seconds = round(time.monotonic() - began, 1)
        if options["json"]:
            self.stdout.write(json.dumps({"generation": generation, "seconds": seconds}))
        else:
            self.stdout.write(f"Generation {generation} is live, made in {seconds} s.")

    def _tell(self, partition: str, reached: int, end: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\r{partition}: {reached:,} of {end:,}\x1b[K", ending="")
