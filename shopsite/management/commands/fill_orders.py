"""`manage.py fill_orders`: a great many orders that never were, to measure the admin on."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, connection
from django.utils import timezone

from shopsite.traffic.filling import NothingToSell, fill, has_real_orders


class Command(BaseCommand):
    """Makes orders."""

    help = (
        "Fill the database with made-up orders, to measure lists on: no events, no stock, no mails. "
        "Not for a shop: `audit` will name every one of them."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """How many, and by which seed."""
        parser.add_argument("--orders", type=int, default=1_000_000, help="default: %(default)s")
        parser.add_argument("--seed", type=int, default=1, help="the same seed makes the same orders")
        parser.add_argument("--yes", action="store_true", help="although there are real orders")

    def handle(self, *_args: Any, orders: int, seed: int, yes: bool, **_options: Any) -> None:
        """Fill, after making sure that no shop is spoilt by it."""
        if orders < 1:
            raise CommandError(f"--orders {orders}: need a number from 1 on.")
        if not yes and has_real_orders():
            raise CommandError(
                "This database has real orders, and would look like no shop ever. Sure: --yes."
            )
        until = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        try:
            fill(orders, seed=seed, until=until, progress=self._tell)
        except NothingToSell as error:
            raise CommandError(str(error)) from error
        except IntegrityError as error:
            raise CommandError(f"Orders of seed {seed} are there already: take another --seed.") from error
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")  # else the database plans as if it were empty
        self.stdout.write(f"{orders:,} orders of seed {seed} are there.")

    def _tell(self, done: int) -> None:
        if self.stdout.isatty() and done % 50_000 == 0:
            self.stdout.write(f"{done:,}")
