"""The figures of a range of time. `manage.py report --from T --to T` -> dashboards/reports/selectors.py."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from redis.exceptions import RedisError

from dashboards.reports.calendar import GRAINS, PERIODS, grain_for
from dashboards.reports.rows import rows_of, written
from dashboards.reports.selectors import Report, report, rfc3339
from dashboards.reports.series import read_more
from shopsite.events.redis import redis_client


def moment(text: str) -> datetime:
    """An RFC 3339 time, or a date for its midnight; UTC where no zone is named."""
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None:
            return found.replace(tzinfo=UTC)
        found.timestamp()  # a date at the calendar's end may have no moment in UTC
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(
            f"{text!r}: need a time such as 2024-06-18T12:34:56Z, or a date"
        ) from error


def at_least_one(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r}: need a whole number from 1 on")
    return int(text)


class Command(BaseCommand):
    """`manage.py report --from T --to T [--top N] [--compare P] [--grain G] [--json | --format F]`."""

    help = "The figures of a range of time, from the aggregates alone. Times and dates are UTC."

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("--from", dest="start", type=moment, required=True, help="inclusive")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="exclusive")
        parser.add_argument("--top", type=at_least_one, default=20, help="most products; default 20")
        parser.add_argument("--compare", choices=PERIODS, help="with the period before, last week, last year")
        parser.add_argument(
            "--grain",
            choices=("auto", *GRAINS),
            help="buckets of the shop's calendar; auto: by the range",
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--json", action="store_true", help="one JSON object")
        how.add_argument("--format", choices=("csv", "jsonl"), help="a row a figure, for other programs")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Print the report."""
        if options["start"] >= options["end"]:
            raise CommandError("--from must be before --to", returncode=2)
        try:
            found = report(redis_client(), options["start"], options["end"], options["top"])
            grain = grain_for(found.start, found.end) if options["grain"] == "auto" else options["grain"]
            more = read_more(redis_client(), found, options["compare"], grain, options["top"])
        except RedisError as error:
            raise CommandError(f"Redis does not answer: {error} `manage.py doctor` looks why.") from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json() | more, indent=1, ensure_ascii=False))
        elif options["format"]:
            self.stdout.write(written(rows_of(found.as_json() | more), options["format"]), ending="")
        else:
            self.stdout.write("\n".join([*lines(found), *more_lines(found, more)]))


def lines(found: Report) -> list[str]:
    """The report as a person reads it."""
    refunds = found.refunds
    text = [
        f"from {rfc3339(found.start)} to {rfc3339(found.end)}",
        *(f"note: {note}" for note in found.notes),
        "",
        f"{'visitors':<24}{found.visitors:>16,}",
        f"{'sessions':<24}{found.sessions:>16,}",
        *(f"{name:<24}{number:>16,}" for name, number in found.orders.items()),
        *(f"{f'revenue {currency}':<24}{amount:>16}" for currency, amount in found.revenue.items()),
        f"{'refunded orders':<24}{refunds.orders:>16,}",
        f"{'refunded lines':<24}{refunds.lines:>16,}",
        f"{'refunded units':<24}{refunds.units:>16,}",
        *(f"{f'refunded {currency}':<24}{amount:>16}" for currency, amount in refunds.amount.items()),
    ]
    text += _table("events", found.events) + _table("of bots", found.bots) + _table("funnel", found.funnel)
    if found.stock:
        text += ["", f"{'stock':<24}{'events':>16}{'change':>16}"]
        text += [
            f"{reason or '(none)':<24}{n['events']:>16,}{n['change']:>16,}"
            for reason, n in found.stock.items()
        ]
    if found.products:
        text += ["", f"{'product':<24}{'views':>10}{'carts':>10}{'units':>10}  revenue"]
    for row in found.products:
        revenue = ", ".join(f"{amount} {currency}" for currency, amount in row.revenue.items())
        text.append(
            f"{row.product_id:<24}{row.views:>10,}{row.carts:>10,}{row.units:>10,}  {revenue}".rstrip()
        )
    return text


def more_lines(found: Report, more: dict[str, Any]) -> list[str]:
    """What --compare and --grain add, as a person reads it."""
    text = []
    if other := more.get("compare"):
        text += ["", f"compared with {other['from']} to {other['to']}"]
        numbers = {"visitors": found.visitors, "sessions": found.sessions, **found.orders}
        text += [f"  {name:<22}{now:>16,}{other[name]:>16,}" for name, now in numbers.items()]
        text += [
            f"  {f'revenue {currency}':<22}{amount:>16}{other['revenue'].get(currency, '0.00'):>16}"
            for currency, amount in found.revenue.items()
        ]
    if series := more.get("series"):
        text += ["", f"{'by ' + series['grain']:<24}{'events':>16}{'orders':>16}"]
        text += [f"note: {note}" for note in series["notes"]]
        text += [
            f"  {entry['at']:<22}{sum(entry['events'].values()):>16,}{entry['orders']:>16,}"
            for entry in series["buckets"]
        ]
    return text


def _table(title: str, numbers: dict[str, int]) -> list[str]:
    if not numbers:
        return []
    return ["", title, *(f"  {name:<22}{number:>16,}" for name, number in numbers.items())]
