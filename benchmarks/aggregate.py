"""How fast events become figures, from Kafka into Redis, beside what other stream processors reach.

One contender runs at a time, on one broker, over the same 600,000 clicks of 165 bytes in two partitions; the
figures are medians. The narrow job counts by product and minute, the whole set is every fold there is. CPU
is that of the process itself; what Redis, a server, uses for an event is a figure of its own.
"""

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aggregate_clicks import PARTITIONS, fill, make_topics, narrow_click, whole_click
from aggregate_live import live, soak
from aggregate_rivals import LIMIT, RIVALS, Run, measured, median
from support import ROOT, SERVERS, Figure, arguments_parser, at_least, at_most, beside, finish, missing

DATA_TOPICS = 3


@contextmanager
def servers() -> Iterator[None]:
    """A Kafka and a Redis of their own; Django in this process and its children see them."""
    for name in SERVERS:
        os.environ.pop(name, None)
    sys.path.insert(0, str(ROOT))
    os.environ.update(DJANGO_SETTINGS_MODULE="shopsite.settings", LOG_LEVEL="ERROR")
    from shopsite.runtime.kafka import prepare_kafka
    from shopsite.runtime.redis import prepare_redis
    from shopsite.runtime.service import Service

    with tempfile.TemporaryDirectory(prefix="shopsite-bench-") as name:
        kafka, redis = prepare_kafka(Path(name) / "kafka"), prepare_redis(Path(name) / "redis")
        services = [Service(program) for program in [*kafka.programs, redis.program]]
        for service in services:
            service.start()
        try:
            for service in services:
                service.wait_ready()
            os.environ.update(
                SHOP_LOCAL_DIR=name, KAFKA_BOOTSTRAP_SERVERS=kafka.bootstrap, REDIS_URL=redis.url
            )
            import django

            django.setup()
            yield
        finally:
            for service in reversed(services):
                service.stop()


def ours(prefix: str, job: str, events: int, processes: int = 1) -> Run:
    """Our aggregators on an empty Redis."""
    import redis

    server = redis.Redis.from_url(os.environ["REDIS_URL"])
    server.flushall()
    env = {**os.environ, "TOPIC_PREFIX": prefix, "REDIS_PREFIX": prefix}
    env |= dict.fromkeys(("CLICK_PARTITIONS", "ORDER_PARTITIONS", "INVENTORY_PARTITIONS"), str(PARTITIONS))
    # each run reads from the start: the group has committed nothing that our aggregators would look at
    share = DATA_TOPICS * PARTITIONS // processes
    command = [sys.executable, "benchmarks/folding.py", job, str(events), str(share)]
    children = [
        subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for child in children:
        assert child.stdout
        if child.stdout.readline() != "ready\n":
            sys.exit("an aggregator did not get ready")
    used = redis_cpu(server)
    for child in children:
        assert child.stdin
        child.stdin.write("go\n")
        child.stdin.flush()
    told = [json.loads(child.communicate(timeout=300)[0].splitlines()[-1]) for child in children]
    if (folded := sum(one["events"] for one in told)) != events:
        sys.exit(f"{folded:,} events were folded of {events:,}")
    return Run(
        events,
        max(one["last"] for one in told) - min(one["begun"] for one in told if one["events"]),
        sum(one["cpu"] for one in told),
        max(one["megabytes"] for one in told),
        redis_cpu(server) - used,
    )


def redis_cpu(server: Any) -> float:  # noqa: ANN401 - a Redis client
    """CPU seconds that Redis has used."""
    told = server.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


def against_peers(prefix: str, events: int, times: int, quick: bool) -> list[Figure]:
    """The narrow job, ours and theirs."""
    mine = [ours(prefix, "narrow", events) for _ in range(times)]
    rate, cost = median(mine, "rate"), median(mine, "cost")
    figures = [
        at_least("narrow job, one process", rate, "events/s", 200_000),
        at_most("narrow job, CPU of an event", cost, "us", 4.0),
    ]
    _, limit = measured(LIMIT, prefix, events, times)
    times_limit = at_most("CPU of an event, times reading and decoding", cost / limit, "times", 3)
    figures.append(beside(times_limit, limit, cost / limit))
    for peer in RIVALS:
        theirs, _ = measured(peer, prefix, events // 5 if quick else events, 1 if quick else times)
        ratio = rate / theirs
        figure = at_least(f"narrow job, times {peer.name}", ratio, "times", peer.times or 0)
        figures.append(beside(figure, theirs, ratio))
    return figures


def whole_set(prefix: str, events: int, times: int, what: str) -> list[Figure]:
    """Every fold, by one process and by two."""
    one = [ours(prefix, "all", events) for _ in range(times)]
    two = [ours(prefix, "all", events, processes=2) for _ in range(times)]
    ratio = median(two, "rate") / median(one, "rate")
    figures = [
        at_least(f"whole set, {what}, one process", median(one, "rate"), "events/s", 100_000),
        Figure(f"whole set, {what}, CPU of an event", round(median(one, "cost"), 2), "us"),
        Figure(
            f"whole set, {what}, Redis's CPU of an event",
            round(statistics.median(run.redis_cpu / run.events * 1e6 for run in one), 2),
            "us",
        ),
        at_least(f"whole set, {what}, two processes to one", ratio, "times", 1.7),
        at_most(
            f"whole set, {what}, CPU of an event with two to one",
            median(two, "cost") / median(one, "cost"),
            "times",
            1.2,
        ),
    ]
    if (os.cpu_count() or 1) < 4:
        print("Two processes, Redis and Kafka share fewer than 4 cores: what scales is the CPU of an event.")
    return figures


def main() -> None:
    """Measure on servers of this run's own."""
    parser = arguments_parser(__doc__)
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="only this, for so long")
    options = parser.parse_args()
    if importlib.util.find_spec("confluent_kafka") is None:
        missing("confluent-kafka, which `make setup` installs")
    events, times = (200_000, 1) if options.quick else (600_000, 3)
    figures: list[Figure] = []
    with servers():
        if options.soak:
            make_topics("soak-")
            figures += soak("soak-", options.soak)
        else:
            fill("narrow-", narrow_click, events, hours_ago=2)  # the live lists have no part in this job
            figures += against_peers("narrow-", events, times, quick=options.quick)
            figures += whole_set("narrow-", events, times, "165 bytes")
            fill("whole-", whole_click, events, hours_ago=0)
            figures += whole_set("whole-", events, times, "whole, 315 bytes")
            make_topics("live-")
            figures += live("live-", 8 if options.quick else 60)
    settings = {"quick": options.quick, "cpus": os.cpu_count(), "events": events, "runs": times}
    finish("aggregate", settings, figures)


if __name__ == "__main__":
    main()
