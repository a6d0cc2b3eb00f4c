"""`manage.py doctor`: what works, what does not, and how to mend it. checks.py, machine.py -> here."""

import json
import logging
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from shopsite.runtime import checks, machine
from shopsite.runtime.checks import Finding
from shopsite.runtime.processes import process_names


class Command(BaseCommand):
    """Looks at the machine, the servers, the tables and the processes."""

    help = (
        "Check Python, Java, ports, disk, broker, Redis, mail server, migrations, lag and processes, and say "
        "how to mend each. Ends with 0 where all is well, 1 where something is not, 2 for wrong usage."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The output's form, and what to look at."""
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument(
            "--heartbeat",
            metavar="NAME",
            choices=process_names(traffic=True),
            help="look only whether this process (web, relay ...) lives on this host",
        )
        parser.add_argument("--port", type=int, help="of the shop (default: the running demo's, or 8000)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print every finding; exit with 1 where one is bad."""
        logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a missing broker is told in our words
        if name := options["heartbeat"]:
            findings = [checks.check_own_process(name)]
        else:
            findings = examine(options["port"] or urlsplit(settings.SHOP_ORIGIN).port or 8000)
        is_well = all(finding.ok for finding in findings)
        if options["json"]:
            report = {"ok": is_well, "checks": [finding.as_dict() for finding in findings]}
            self.stdout.write(json.dumps(report, indent=2))
        else:
            for finding in findings:
                self.stdout.write(self._line(finding))
        if not is_well:
            raise SystemExit(1)

    def _line(self, finding: Finding) -> str:
        """`ok    broker   ...`, and where it is bad a second line with the way out."""
        mark = self.style.SUCCESS("ok  ") if finding.ok else self.style.ERROR("bad ")
        line = f"{mark} {finding.name:<18} {finding.what}"
        return line if finding.ok else f"{line}\n     {'':<18} -> {finding.mend}"


def examine(port: int) -> list[Finding]:
    """Every check, in the order in which things are mended."""
    return [
        machine.check_python(),
        machine.check_java(),
        machine.check_jars(),
        machine.check_redis_server(),
        machine.check_disk_space(),
        machine.check_port(port),
        *checks.ready(),
        checks.check_codecs(),
        checks.check_gateway(),
        checks.check_mail(),
        *machine.check_waiting(),
        *machine.check_lag(),
    ]
