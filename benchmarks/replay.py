"""How long a recording takes until `report` is right: rows a second, with everything running.

online_retail as it is; the rees46 slice many times over, since its 682 rows would measure the start only.
"""

import csv
import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
from support import ROOT, SHARED, Demo, Figure, arguments, at_most, demo, finish, missing

RETAIL = SHARED / "online_retail" / "online_retail.csv.gz"
REES46 = SHARED / "rees46" / "rees46_2019-11-01_slice.csv"
WHOLE_SECONDS = 120.0  # aim for the whole of online_retail
GIVE_UP_SECONDS = 1_000.0
QUICK_LINES = 40_000


@dataclass(frozen=True)
class Recording:
    """A recording, its span, and what its report must say."""

    name: str
    format: str
    path: Path
    rows: int
    span: tuple[str, str]  # from, to
    expected: dict[str, object]


def retail(folder: Path, quick: bool) -> Recording:
    """online_retail, or its first lines."""
    path = folder / "retail.csv"
    with gzip.open(RETAIL, "rt", newline="") as whole, path.open("w", newline="") as part:
        part.writelines(islice(whole, QUICK_LINES + 1) if quick else whole)
    lines = units = refunded = 0
    revenue = Decimal(0)
    invoices = set()
    rows = 0
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            rows += 1
            quantity, price = int(row["Quantity"]), Decimal(row["UnitPrice"])
            if row["InvoiceNo"].startswith("C"):
                refunded += 1
            elif row["InvoiceNo"].isdigit() and quantity > 0 and price > 0:
                invoices.add(row["InvoiceNo"])
                lines, units, revenue = lines + 1, units + quantity, revenue + quantity * price
    sold = {"orders": len(invoices), "lines": lines, "units": units, "revenue": revenue, "refunded": refunded}
    return Recording("online_retail", "online-retail", path, rows, ("2010-12-01", "2011-12-10"), sold)


def rees46(folder: Path, quick: bool) -> Recording:
    """The slice, over and over: identical lines are distinct events."""
    times = 50 if quick else 300
    header, *rows = REES46.read_text().splitlines(keepends=True)
    path = folder / "rees46.csv"
    path.write_text(header + "".join(rows) * times)
    facts = json.loads((REES46.parent / "facts.json").read_text())["events_by_type"]
    expected = {"view_item": facts["view"] * times, "orders": facts["purchase"] * times}
    return Recording(
        "rees46", "rees46", path, len(rows) * times, ("2019-11-01T00:00", "2019-11-01T00:05"), expected
    )


def told(report: dict[str, Any]) -> dict[str, object]:
    """The figures of a report under the names of `expected`."""
    return {
        **{name: report[name] for name in ("orders", "lines", "units")},
        "revenue": Decimal(report["revenue"].get("GBP", "0")),
        "refunded": report["refunds"]["lines"],
        "view_item": report["events"].get("view_item", 0),
    }


def measure(recording: Recording, running: Demo) -> list[Figure]:
    """Replay it, and wait until the report says what was counted beside the project."""
    print(f"{recording.name}: {recording.rows:,} rows", flush=True)
    before = cpu_seconds(running)
    begun = time.monotonic()
    command = [
        *(sys.executable, "manage.py", "replay", str(recording.path)),
        *("--format", recording.format, "--speed", "max", "--keep-time", "--json"),
    ]
    child = subprocess.Popen(command, cwd=ROOT, env=os.environ, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"replay ended with {status}")
    sent = time.monotonic() - begun
    seconds = until_right(recording, begun)
    used = {name: after - before.get(name, 0.0) for name, after in cpu_seconds(running).items()}
    used["replay"] = usage.ru_utime + usage.ru_stime
    for name, spent in sorted(used.items(), key=lambda pair: -pair[1])[:8]:
        print(f"  {name:<12} {spent:8.1f} s of CPU")
    aim = recording.name == "online_retail" and recording.rows > 500_000
    return [
        Figure(f"{recording.name}: rows/s until the report is right", recording.rows / seconds, "rows/s"),
        at_most(f"{recording.name}: until the report is right", seconds, "s", WHOLE_SECONDS)
        if aim
        else Figure(f"{recording.name}: until the report is right", seconds, "s"),
        Figure(f"{recording.name}: sent and acknowledged", sent, "s"),
        Figure(f"{recording.name}: peak memory of replay", usage.ru_maxrss / 1024, "MiB"),
        Figure(f"{recording.name}: CPU of all processes", sum(used.values()), "s"),
    ]


def until_right(recording: Recording, begun: float) -> float:
    """Seconds from the beginning until the report agrees."""
    report = reporter(*recording.span)
    while (passed := time.monotonic() - begun) < GIVE_UP_SECONDS:
        found = told(report())
        if all(found[name] == value for name, value in recording.expected.items()):
            return passed
        time.sleep(0.5)
    sys.exit(f"{recording.name}: after {passed:.0f} s the report says {found}, not {recording.expected}")


def reporter(begin: str, end: str) -> Callable[[], dict[str, Any]]:
    """What makes a report of this span."""
    from io import StringIO

    from django.core.management import call_command

    def report() -> dict[str, Any]:
        out = StringIO()
        call_command("report", "--from", begin, "--to", end, "--json", "--top", "1", stdout=out)
        found: dict[str, Any] = json.loads(out.getvalue())
        return found

    return report


def cpu_seconds(running: Demo) -> dict[str, float]:
    """CPU of each process of the demo since its start."""
    used: dict[str, float] = {}
    for process in psutil.Process(running.process.pid).children(recursive=True):
        try:
            line, times = process.cmdline(), process.cpu_times()
        except psutil.Error:
            continue
        name = next((word for word in line if word in NAMES), Path(line[0]).name if line else "?")
        used[name] = used.get(name, 0.0) + times.user + times.system
    return used


NAMES = ("web", "relay", "consume", "worker", "beat", "aggregate", "kafka.Kafka")


def main() -> None:
    """Measure both recordings, one after the other, on one demo."""
    options = arguments(__doc__)
    if not RETAIL.exists():
        missing(f"the recorded shop data at {SHARED}")
    figures: list[Figure] = []
    with demo() as running:
        for make in (rees46, retail):
            figures += measure(make(running.folder, options.quick), running)
    finish("replay", {"quick": options.quick, "cpus": os.cpu_count(), "database": "SQLite"}, figures)


if __name__ == "__main__":
    main()
