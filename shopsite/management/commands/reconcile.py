"""`manage.py reconcile`: do levels, ledger, reservations and orders fit together?

inventory/reconcile.py and fulfilment/reconcile.py -> here. For payments see payments.py.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from inventory import reconcile as levels
from inventory.models import Level
from inventory.reconcile import Difference
from shopsite.fulfilment import reconcile as orders
from shopsite.fulfilment.reconcile import Finding

SHOWN = 50  # lines of each sort; --json has all


@dataclass(frozen=True)
class Look:
    """What differs at one moment."""

    differences: list[Difference]
    findings: list[Finding]

    @property
    def ok(self) -> bool:
        """Whether nothing does."""
        return not self.differences and not self.findings


class Command(BaseCommand):
    """Ends with 0 where everything fits, or was mended; with 1 where something differs."""

    help = (
        "Prove that on_hand is the sum of the ledger and reserved the sum of the open reservations, for "
        "every product; that no ended order holds stock, no order paid here lacks its sale, and no "
        "reservation outlives its time. Ends with 1 where something differs. Changes nothing without "
        "--fix, which says what it did. Stock below zero is told, and is no difference."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """--fix, --json."""
        parser.add_argument("--fix", action="store_true", help="mend what differs, and say what was done")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, **options: Any) -> None:
        """Look, mend where asked, look again; end with 1 where something still differs."""
        first = _look()
        done = _mend(first) if options["fix"] else []
        last = _look() if done else first
        notices, products = orders.notices(), Level.objects.count()
        if options["json"]:
            told = {
                "ok": last.ok,
                "products": products,
                **asdict(first),
                "notices": [asdict(notice) for notice in notices],
                "done": done,
                "left": len(last.differences) + len(last.findings),
            }
            self.stdout.write(json.dumps(told))
        else:
            self._print(first, last, done, notices)
            self.stdout.write(_sum(last, done, products))
        if not last.ok:
            raise SystemExit(1)

    def _print(self, first: Look, last: Look, done: list[str], notices: Sequence[Finding]) -> None:
        self._lines([_difference(one) for one in first.differences])
        self._lines([f"order {one.subject}: {one.detail}" for one in first.findings])
        self._lines([f"note: {one.subject} is below zero: {one.detail}" for one in notices])
        self._lines([f"mended: {what}" for what in done])
        if done:
            self._lines([f"still: order {one.subject}: {one.detail}" for one in last.findings])

    def _lines(self, lines: Sequence[str]) -> None:
        for line in lines[:SHOWN]:
            self.stdout.write(line)
        if len(lines) > SHOWN:
            self.stdout.write(f"... and {len(lines) - SHOWN:,} more")


def _look() -> Look:
    return Look(levels.differences(), orders.findings())


def _mend(look: Look) -> list[str]:
    """Orders first: what that writes moves levels, and wrong levels are counted anew afterwards."""
    done = orders.mend(look.findings)
    if look.differences:
        levels.mend(look.differences)
        names = sorted({difference.product_id for difference in look.differences})
        done += [f"{name}: its level is what its rows add up to" for name in names]
    return done


def _difference(one: Difference) -> str:
    source = "its ledger rows" if one.name == "on_hand" else "open reservations"
    return f"{one.product_id}: {one.name} is {one.stored:,}, {source} add up to {one.proved:,}"


def _sum(last: Look, done: list[str], products: int) -> str:
    left = len(last.differences) + len(last.findings)
    if left:
        return f"{left:,} things differ; " + (
            "they could not be mended: look at the orders." if done else "`reconcile --fix` mends them."
        )
    return f"{products:,} products: every level is what its rows add up to, and no order contradicts them."
