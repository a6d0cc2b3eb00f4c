"""`manage.py payments`: does the gateway say of each payment what we say? fulfilment/accounts.py -> here."""

import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from shopsite.fulfilment import Reconciled, reconcile_payments


class Command(BaseCommand):
    """Ends with 0 where both sides agree, with 1 where they do not."""

    help = (
        "Ask the gateway for every payment and refund without an end, and compare those that have one. "
        "Names each difference and mends none. Ends with 1 where there is one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What to do, how far back, and the output's form."""
        parser.add_argument("action", choices=["reconcile"], help="what to do")
        parser.add_argument("--days", type=int, default=7, help="how far back to compare (default: 7)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        """Compare, print; end with 1 where something differs."""
        found = reconcile_payments(since=timezone.now() - timedelta(days=options["days"]))
        if options["json"]:
            told = {"ok": not found.differences, **asdict(found)}
            self.stdout.write(json.dumps(told))
        else:
            self._print(found)
        if found.differences:
            raise SystemExit(1)

    def _print(self, found: Reconciled) -> None:
        for one in found.differences:
            self.stdout.write(f"{one.payment}: {one.name} is {one.ours} here and {one.theirs} at the gateway")
        self.stdout.write(
            f"{found.payments:,} payments compared, {len(found.differences):,} differences; "
            f"{found.open:,} have no end yet."
        )
