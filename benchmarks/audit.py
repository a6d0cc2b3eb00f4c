"""How fast an audit counts the log anew and compares: clicks of 165 bytes, and whole ones of 315.

A Kafka and a Redis of this run's own hold what an aggregator has folded; then `audit_aggregates` proves it,
as `manage.py audit` does. Clicks of the last half hour are compared step by step, too, so they have a figure
of their own. CPU is that of all processes of the audit; what Redis, a server, uses for an event is beside it.
"""

import json
import os
import resource
import subprocess
import sys
import time
from statistics import median
from typing import Any, NamedTuple

from aggregate import ours, redis_cpu, servers
from aggregate_clicks import PARTITIONS, Maker, fill, narrow_click, whole_click
from support import ROOT, Figure, arguments_parser, at_least, finish

EVENTS_A_SECOND = 100_000


class Run(NamedTuple):
    """One audit."""

    events: int
    seconds: float
    cpu: float  # seconds, of all of its processes
    redis_cpu: float


def audited(prefix: str) -> Run:
    """Audit in a process of its own, which may fork."""
    command = [sys.executable, "benchmarks/audit.py", "--of", prefix]
    told = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    return Run(*json.loads(told.stdout.splitlines()[-1]))


def audit(prefix: str) -> Run:
    """What `manage.py audit` does with the aggregates."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "shopsite.settings"
    import django

    django.setup()
    from django.conf import settings

    from dashboards.proof.audit import audit_aggregates
    from shopsite.events.redis import redis_client

    settings.TOPIC_PREFIX = settings.REDIS_PREFIX = prefix
    client: Any = redis_client()
    used, server, begun = cpu(), redis_cpu(client), time.perf_counter()
    found = audit_aggregates(client)
    seconds = time.perf_counter() - begun
    if wrong := [check.name for check in found.checks() if not check.ok]:
        sys.exit(f"the audit found {len(wrong)} differences, such as {wrong[0]}")
    return Run(found.events, seconds, cpu() - used, redis_cpu(client) - server)


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def measure(prefix: str, make: Maker, hours_ago: float, what: str, events: int, times: int) -> list[Figure]:
    """Fill, fold, audit a few times."""
    fill(prefix, make, events, hours_ago)
    ours(prefix, "all", events)
    runs = [audited(prefix) for _ in range(times)]
    if any(run.events != events for run in runs):
        sys.exit(f"{runs[0].events:,} events were counted of {events:,}")
    rate = median(run.events / run.seconds for run in runs)
    cost = median(run.cpu / run.events * 1e6 for run in runs)
    server = median(run.redis_cpu / run.events * 1e6 for run in runs)
    return [
        at_least(f"audit, {what}", rate, "events/s", EVENTS_A_SECOND),
        Figure(f"audit, {what}, CPU of an event", round(cost, 2), "us"),
        Figure(f"audit, {what}, Redis's CPU of an event", round(server, 2), "us"),
    ]


def main() -> None:
    """Measure on servers of this run's own."""
    parser = arguments_parser(__doc__ or "")
    parser.add_argument("--of", metavar="PREFIX", help="only audit these: a child of this benchmark")
    options = parser.parse_args()
    if options.of:
        print(json.dumps(audit(options.of)))
        return
    events, times = (200_000, 1) if options.quick else (600_000, 3)
    with servers():
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        subprocess.run(migrate, cwd=ROOT, check=True)
        figures = measure("narrow-", narrow_click, 2, "165 bytes", events, times)
        figures += measure("whole-", whole_click, 2, "whole, 315 bytes", events, times)
        figures += measure("now-", whole_click, 0, "the same, of the last half hour", events, times)
    settings = {
        "quick": options.quick,
        "cpus": os.cpu_count(),
        "events": events,
        "runs": times,
        "partitions": PARTITIONS,
    }
    finish("audit", settings, figures)


if __name__ == "__main__":
    main()
