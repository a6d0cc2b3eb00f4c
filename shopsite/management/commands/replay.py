"""Send a recorded stream of a shop through this one. `manage.py replay FILE` -> traffic/replay.py."""

import argparse
import json
import math
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from shopsite.events.loops import stopping
from shopsite.events.schemas import Unavailable
from shopsite.traffic.formats import FORMATS, MAPPED
from shopsite.traffic.recordings import NAMED_LINES, Interrupted, Tally, WrongFile
from shopsite.traffic.replay import AlreadySent, Options, Outcome, replay


def speed(text: str) -> float | None:
    """A --speed: None for max, otherwise how many times as fast as recorded."""
    if text == "max":
        return None
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: need a number above 0, or max")
    return value


class Command(BaseCommand):
    """`manage.py replay FILE --format F --speed N|max`."""

    help = (
        "Send a recording (plain or .gz) through the shop: its clicks, its orders as paid elsewhere, its "
        "refunds and stock events. An interrupted run goes on where it ended, by the same command."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """What the command understands."""
        parser.add_argument("file", type=Path, help="the recording")
        parser.add_argument(
            "--format", required=True, choices=sorted([*FORMATS, MAPPED]), help="what the file is"
        )
        parser.add_argument(
            "--mapping", type=Path, help=f"JSON that explains the columns of --format {MAPPED}"
        )
        parser.add_argument(
            "--speed",
            type=speed,
            default=None,
            metavar="N|max",
            help="times as fast as recorded; default max",
        )
        parser.add_argument(
            "--keep-time",
            action="store_true",
            help="events keep their recorded times; without it they happen now: at --speed N at the time "
            "of sending, at max moved so that the last event is now",
        )
        parser.add_argument(
            "--again", action="store_true", help="send clicks that are in the log already once more"
        )
        parser.add_argument("--json", action="store_true", help="the summary as one JSON object")

    def handle(self, *_args: object, **options: Any) -> None:
        """Replay, then print the summary."""
        how = Options(
            speed=options["speed"],
            keep_time=options["keep_time"],
            again=options["again"],
            mapping=options["mapping"],
        )
        try:
            with stopping() as stop:
                outcome = replay(options["file"], options["format"], how, stop)
        except WrongFile as error:
            raise CommandError(str(error), returncode=2) from error
        except (AlreadySent, Unavailable) as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            raise CommandError(
                f"The database cannot be used ({error}): has `manage.py migrate` run?"
            ) from error
        except Interrupted as error:
            raise CommandError("Stopped. The same command goes on where this one ended.") from error
        summary = as_dict(outcome)
        self.stdout.write(json.dumps(summary) if options["json"] else as_text(summary, outcome.found.tally))


def as_dict(outcome: Outcome) -> dict[str, Any]:
    """The summary for programs."""
    found, tally = outcome.found, outcome.found.tally
    return {
        "file": str(outcome.recording.path),
        "sha256": outcome.recording.digest,
        "lines": tally.lines,
        "events": dict(sorted(found.kinds.items())),
        "opened": outcome.opened,
        "resumed": outcome.resumed,
        "invalid": tally.invalid,
        "invalid_lines": [{"line": line, "reason": reason} for line, reason in tally.first_invalid],
        "skipped": dict(tally.skipped),
        "skipped_lines": [{"line": line, "reason": reason} for line, reason in tally.first_skipped],
        "first": found.first.isoformat(),
        "last": found.last.isoformat(),
        "seconds": round(outcome.seconds, 3),
        "rows_per_second": round(tally.lines / outcome.seconds),
    }


def as_text(summary: dict[str, Any], tally: Tally) -> str:
    """The summary for people."""
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in summary["events"].items())
    lines = [
        f"{summary['lines']:,} lines from {summary['first']} to {summary['last']}",
        f"{sum(summary['events'].values()):,} events: {kinds}",
    ]
    if summary["opened"]:
        lines.append(f"opening stock for {summary['opened']:,} products")
    if summary["resumed"]:
        lines.append(f"{summary['resumed']:,} events were in the log already, from an interrupted run")
    lines += named("skipped", tally.skipped.total(), tally.first_skipped)
    lines += named("invalid", tally.invalid, tally.first_invalid)
    lines.append(
        f"{summary['seconds']:.1f} s, {summary['rows_per_second']:,} rows/s, all acknowledged by Kafka"
    )
    return "\n".join(lines)


def named(what: str, total: int, first: list[tuple[int, str]]) -> list[str]:
    """The first ten lines of a kind with their reasons, and how many there are in all."""
    if not total:
        return []
    rest = f", the first {NAMED_LINES}" if total > NAMED_LINES else ""
    return [f"{total:,} {what}{rest}:", *(f"  line {line}: {reason}" for line, reason in first)]
