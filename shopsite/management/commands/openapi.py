"""`manage.py openapi`: write docs/openapi.json from the routes. api/openapi.py -> here -> docs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from shopsite.api.openapi import document_bytes
from shopsite.config import BASE_DIR

FILE = BASE_DIR / "docs" / "openapi.json"


class Command(BaseCommand):
    """Keep the document true."""

    help = "Write the API's OpenAPI document to docs/openapi.json. With --check, only say whether it is true."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where it is old")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write, or check."""
        is_true = FILE.exists() and FILE.read_bytes() == document_bytes()
        if options["check"]:
            if not is_true:
                raise CommandError(f"{FILE.name} is old: `manage.py openapi` writes it")
            return
        FILE.write_bytes(document_bytes())
        self.stdout.write(f"{FILE}: {'as it was' if is_true else 'written'}")
