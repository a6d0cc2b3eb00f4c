"""Prove what is stored against the log. `manage.py audit` -> shopsite/audit."""

import json
import sys
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone
from redis.exceptions import RedisError

from dashboards.keys import WIDTH
from dashboards.management.commands.report import moment
from dashboards.past.borders import ceil, floor
from dashboards.proof.verdict import keep_verdict
from shopsite.audit import Audit, audit
from shopsite.events.redis import redis_client
from shopsite.events.schemas import Unavailable


class Command(BaseCommand):
    """`manage.py audit [--from T --to T] [--json]`."""

    help = (
        "Recount clicks, orders and inventory by offset and compare with aggregates, orders and stock, "
        "each at the offset that it has reached. Ends with 1 where anything differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument(
            "--from", dest="start", type=moment, help="compare only figures from that UTC day on"
        )
        parser.add_argument("--to", dest="end", type=moment, help="and before this time; both or none")
        parser.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Print the checks; exit 1 where one differs."""
        days = _days(options["start"], options["end"])
        try:
            found = audit(redis_client(), days)
            if days is None:
                _keep(found)
        except (Unavailable, RedisError, DatabaseError) as error:
            why = f"The audit could not finish: {error} `manage.py doctor` looks why."
            raise CommandError(why) from error
        if options["json"]:
            checks = [check.as_json() for check in found.checks]
            told = {"ok": found.ok, "checks": checks, "notes": found.notes, "events": found.events}
            rate = round(found.events / found.seconds) if found.seconds else 0
            self.stdout.write(json.dumps(told | {"events_per_second": rate}, indent=1))
        else:
            self.stdout.write("\n".join(lines(found)))
        if not found.ok:
            sys.exit(1)


def _keep(found: Audit) -> None:
    """The live page says what an audit of everything found."""
    differ = sum(not check.ok for check in found.checks)
    keep_verdict(redis_client(), at=timezone.now(), differ=differ, checks=len(found.checks))


def _days(start: datetime | None, end: datetime | None) -> range | None:
    """The UTC days that a range touches, None where none is given."""
    if start is None and end is None:
        return None
    if start is None or end is None or start >= end:
        raise CommandError("--from and --to belong together, --from before --to", returncode=2)
    day = WIDTH["d"]
    return range(floor(start.timestamp(), day), ceil(end.timestamp(), day), day)


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
