"""`manage.py reconcile`: are stock levels what the ledger and the reservations add up to?"""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from inventory.models import Level
from inventory.reconcile import differences, mend

SHOWN = 50


class Command(BaseCommand):
    """Ends with 0 where every level is right, with 1 where one is not."""

    help = (
        "Prove that on_hand is the sum of the ledger and reserved the sum of the open reservations, for "
        "every product. Ends with 1 where one is not. Changes nothing without --fix."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--fix, --json."""
        parser.add_argument(
            "--fix", action="store_true", help="set wrong levels to what their rows add up to"
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        """Compare, print, mend where asked; end with 1 where something was, and is still, wrong."""
        wrong = differences()
        fixed = mend(wrong) if options["fix"] and wrong else 0
        products = Level.objects.count()
        if options["json"]:
            answer = {
                "ok": not wrong,
                "products": products,
                "fixed": fixed,
                "differences": [asdict(difference) for difference in wrong],
            }
            self.stdout.write(json.dumps(answer))
        else:
            self._print(wrong, products, fixed)
        if wrong and not fixed:
            sys.exit(1)

    def _print(self, wrong: list[Any], products: int, fixed: int) -> None:
        for difference in wrong[:SHOWN]:
            source = "its ledger rows" if difference.name == "on_hand" else "open reservations"
            self.stdout.write(
                f"{difference.product_id}: {difference.name} is {difference.stored:,}, "
                f"{source} add up to {difference.proved:,}"
            )
        if len(wrong) > SHOWN:
            self.stdout.write(f"... and {len(wrong) - SHOWN:,} more")
        if not wrong:
            self.stdout.write(f"{products:,} products: every level is what its rows add up to.")
        elif fixed:
            self.stdout.write(f"{fixed:,} of {products:,} products mended.")
        else:
            self.stdout.write(f"{len(wrong):,} figures are wrong; `reconcile --fix` mends them.")
