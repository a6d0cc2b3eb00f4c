"""Write a range of the log as JSON Lines. `manage.py export --from T --to T` -> traffic/export.py."""

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from dashboards.management.commands.report import moment
from shopsite.events.schemas import Unavailable
from shopsite.traffic.export import TOPICS, export


class Command(BaseCommand):
    """`manage.py export --from T --to T [--topic T] [--out FILE]`."""

    help = (
        "Write the events of a range of time, one JSON message a line: what `replay --format jsonl "
        "--keep-time` makes into the same figures in another shop. Times are those of the events."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("--from", dest="start", type=moment, required=True, help="inclusive")
        parser.add_argument("--to", dest="end", type=moment, required=True, help="exclusive")
        parser.add_argument("--topic", action="append", choices=TOPICS, help="only this one; may be repeated")
        parser.add_argument("--out", type=Path, help="the file to make; default: standard output")

    def handle(self, *_args: object, **options: Any) -> None:
        """Write, then say on standard error how much it was."""
        if options["start"] >= options["end"]:
            raise CommandError("--from must be before --to", returncode=2)
        count: Counter[str] = Counter()
        topics = tuple(options["topic"] or TOPICS)
        lines = export(options["start"], options["end"], topics, count)
        try:
            if options["out"]:
                with options["out"].open("xb") as file:
                    file.writelines(lines)
            else:
                for line in lines:
                    sys.stdout.buffer.write(line)
                sys.stdout.flush()
        except FileExistsError:
            raise CommandError(f"{options['out']} exists: give another name.", returncode=2) from None
        except (Unavailable, OSError) as error:
            raise CommandError(str(error)) from error
        found = ", ".join(f"{count[topic]:,} of {topic}" for topic in topics)
        self.stderr.write(f"{sum(count.values()):,} events: {found}")
