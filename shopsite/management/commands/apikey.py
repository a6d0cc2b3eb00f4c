"""`manage.py apikey create|list|revoke`: who may use the HTTP API. A door to api/keys.py."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from shopsite.api import keys
from shopsite.api.models import ApiKey
from shopsite.events.topic_status import as_json


def _rate(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise ArgumentTypeError("need a whole number from 1 to 1000000")
    return int(text)


class Command(BaseCommand):
    """Make, list and revoke."""

    help = (
        "Keys of the HTTP API: `create` prints a new one, alone, once; `list` shows names and last use; "
        "`revoke` ends one. Ends with 0, with 1 where a name is taken or unknown, with 2 for wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="create | list | revoke")
        creating = actions.add_parser("create", help="make a key and print it; only its digest is kept")
        creating.add_argument("name", help="what the key is for, such as warehouse")
        creating.add_argument(
            "--scope", action="append", choices=keys.SCOPES, help="what it may read; everything by default"
        )
        creating.add_argument(
            "--rate", type=_rate, help="requests a second; default: API_REQUESTS_PER_SECOND"
        )
        listing = actions.add_parser("list", help="every key, by name")
        listing.add_argument("--json", action="store_true", help="one JSON array")
        revoking = actions.add_parser("revoke", help="end a key; it stops working within seconds")
        revoking.add_argument("name")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do one of the three."""
        {"create": self._create, "list": self._list, "revoke": self._revoke}[options["action"]](options)

    def _create(self, options: dict[str, Any]) -> None:
        try:
            key = keys.create(options["name"], scopes=options["scope"] or (), rate=options["rate"])
        except keys.InvalidName as error:
            raise CommandError(str(error)) from error
        self.stdout.write(key)

    def _list(self, options: dict[str, Any]) -> None:
        rows = [_as_dict(key) for key in ApiKey.objects.order_by("name")]
        if options["json"]:
            self.stdout.write(as_json(rows))
            return
        for row in rows:
            used = f"used {row['last_used_at']:%Y-%m-%d %H:%M}" if row["last_used_at"] else "never used"
            ended = "  (revoked)" if row["revoked_at"] else ""
            reads = ", ".join(row["scopes"]) or "everything"
            self.stdout.write(f"{row['name']:<24}  reads {reads:<16}  {used}{ended}")
        self.stdout.write(f"{len(rows)} keys")

    def _revoke(self, options: dict[str, Any]) -> None:
        try:
            keys.revoke(options["name"])
        except keys.UnknownKey as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['name']}: revoked")


def _as_dict(key: ApiKey) -> dict[str, Any]:
    return {
        "name": key.name,
        "public_id": key.public_id,
        "scopes": key.scopes,
        "rate": key.rate,
        "created_at": key.created_at,
        "last_used_at": key.last_used_at,
        "revoked_at": key.revoked_at,
    }
