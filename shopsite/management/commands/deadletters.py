"""`manage.py deadletters list|show|resend`: what could not be processed. A door to events/deadletters.py."""

import re
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from shopsite.events.deadletters import send_again
from shopsite.events.models import DeadLetter
from shopsite.events.topic_status import as_json, printable


class Command(BaseCommand):
    """List, show and send again."""

    help = (
        "Messages that could not be processed: list them, show one, send one or all again, mended where "
        "--value gives the new message. Each is named by its number or by topic:partition:offset. Ends "
        "with 0, with 1 where one is not found or cannot be sent, with 2 for wrong usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        actions = parser.add_subparsers(dest="action", required=True, metavar="list | show | resend")
        listing = actions.add_parser("list", help="newest first")
        listing.add_argument("--topic", help="only those of this topic, such as orders")
        listing.add_argument("--all", action="store_true", help="also those that were sent again")
        listing.add_argument("--limit", type=int, default=50, help="most rows; default 50")
        listing.add_argument("--json", action="store_true", help="one JSON array")
        showing = actions.add_parser("show", help="one with all that is known of it")
        showing.add_argument("name", help="its number, or topic:partition:offset")
        showing.add_argument("--json", action="store_true", help="one JSON object")
        sending = actions.add_parser("resend", help="send to its topic again")
        sending.add_argument("names", nargs="*", metavar="name", help="numbers, or topic:partition:offset")
        sending.add_argument("--all", action="store_true", help="all that were not sent again yet")
        sending.add_argument(
            "--value", type=Path, help="a file with the mended message; - reads standard input"
        )
        sending.add_argument("--json", action="store_true", help="one JSON object")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do one of the three."""
        {"list": self._list, "show": self._show, "resend": self._resend}[options["action"]](options)

    def _list(self, options: dict[str, Any]) -> None:
        letters = DeadLetter.objects.all() if options["all"] else _unsent()
        if options["topic"]:
            letters = letters.filter(topic=options["topic"])
        total, rows = letters.count(), list(letters[: max(0, options["limit"])])
        if options["json"]:
            self.stdout.write(as_json([_as_dict(letter) for letter in rows]))
            return
        for letter in rows:
            sent = "  (sent again)" if letter.resent_at else ""
            self.stdout.write(f"{letter.pk:>6}  {letter!s:<24}  {letter.reason[:100]}{sent}")
        self.stdout.write(f"{total} dead letters" + (f", {len(rows)} shown" if len(rows) < total else ""))

    def _show(self, options: dict[str, Any]) -> None:
        found = _as_dict(_letter(options["name"]))
        if options["json"]:
            self.stdout.write(as_json(found))
            return
        for name, value in found.items():
            self.stdout.write(f"{name:>9}: {value if value is not None else '-'}")

    def _resend(self, options: dict[str, Any]) -> None:
        if bool(options["names"]) == options["all"]:
            raise CommandError("Name the dead letters to send again, or give --all.", returncode=2)
        letters = list(_unsent()) if options["all"] else [_letter(name) for name in options["names"]]
        if options["value"] is not None and len(letters) != 1:
            raise CommandError("--value mends one dead letter: name just that one.", returncode=2)
        value = _read(options["value"])
        sent, kept = [], []
        for letter in letters:
            try:
                send_again(letter, value)
                sent.append(str(letter))
            except ValueError as error:
                kept.append(str(error))
        if options["json"]:
            self.stdout.write(as_json({"sent": sent, "not_sent": kept}))
        else:
            self.stdout.write(f"{len(sent)} in the outbox: the relay sends them")
        if kept:
            raise CommandError("; ".join(kept))


def _unsent() -> QuerySet[DeadLetter]:
    return DeadLetter.objects.filter(resent_at__isnull=True)


def _letter(name: str) -> DeadLetter:
    """The dead letter of that number or place. Raises CommandError where there is none."""
    place = re.fullmatch(r"([a-z.]+):(\d+):(\d+)", name)
    if place is None and not name.isdecimal():
        raise CommandError(f"{name!r}: need a number, or topic:partition:offset", returncode=2)
    rows = (
        DeadLetter.objects.filter(topic=place[1], partition=int(place[2]), offset=int(place[3]))
        if place
        else DeadLetter.objects.filter(pk=int(name))
    )
    letter = rows.first()
    if letter is None:
        raise CommandError(f"no dead letter {name}: `manage.py deadletters list --all` names them")
    return letter


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}", returncode=2) from error


def _as_dict(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.pk,
        "origin": str(letter),
        "reason": letter.reason,
        "key": letter.key,
        "value": printable(bytes(letter.value)) if letter.value is not None else None,
        "headers": letter.headers,
        "seen_at": letter.seen_at,
        "resent_at": letter.resent_at,
    }
