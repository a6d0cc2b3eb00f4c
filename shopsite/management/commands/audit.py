"""Prove what is stored against the log. `manage.py audit` -> shopsite/audit."""

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from redis.exceptions import RedisError

from shopsite.audit import Audit, audit
from shopsite.events.redis import redis_client
from shopsite.events.schemas import Unavailable


class Command(BaseCommand):
    """`manage.py audit [--json]`."""

    help = (
        "Recount clicks, orders and inventory by offset and compare with aggregates, orders and stock, "
        "each at the offset that it has reached. Ends with 1 where anything differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Print the checks; exit 1 where one differs."""
        try:
            found = audit(redis_client())
        except (Unavailable, RedisError, DatabaseError) as error:
            why = f"The audit could not finish: {error} `manage.py doctor` looks why."
            raise CommandError(why) from error
        if options["json"]:
            checks = [check.as_json() for check in found.checks]
            self.stdout.write(json.dumps({"ok": found.ok, "checks": checks, "notes": found.notes}, indent=1))
        else:
            self.stdout.write("\n".join(lines(found)))
        if not found.ok:
            sys.exit(1)


def lines(found: Audit) -> list[str]:
    """The audit as a person reads it."""
    text = [
        f"{'ok  ' if check.ok else 'DIFF'} {check.name:<60} {check.log!s:>18} {check.stored!s:>18}"
        for check in found.checks
    ]
    differ = sum(not check.ok for check in found.checks)
    end = (
        f"{differ} of {len(found.checks)} checks differ"
        if differ
        else f"all {len(found.checks)} checks agree"
    )
    return [f"{'':<4} {'':<60} {'log':>18} {'stored':>18}", *text, *(f"note {n}" for n in found.notes), end]
