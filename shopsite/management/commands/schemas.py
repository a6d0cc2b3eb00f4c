"""`manage.py schemas`: write docs/schemas/*.json from the structs. events/json_schemas.py -> here -> docs."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from shopsite.config import BASE_DIR
from shopsite.events.json_schemas import json_schemas

FOLDER = BASE_DIR / "docs" / "schemas"


class Command(BaseCommand):
    """Keep the documents true."""

    help = (
        "Write the JSON Schemas of the events to docs/schemas. With --check, only say whether they are true."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where one is old")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write, or check."""
        schemas = json_schemas()
        old = [name for name, text in schemas.items() if _text(name) != text]
        if options["check"]:
            if old:
                raise CommandError(f"old: {', '.join(old)}. `manage.py schemas` writes them.")
            return
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name, text in schemas.items():
            (FOLDER / name).write_text(text, encoding="utf-8")
        self.stdout.write(f"{len(schemas)} schemas in {FOLDER}, {len(old)} of them changed")


def _text(name: str) -> str:
    path = FOLDER / name
    return path.read_text(encoding="utf-8") if path.exists() else ""
