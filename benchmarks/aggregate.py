"""How fast events become figures, from Kafka into Redis, beside what other stream processors reach.

One contender runs at a time, on one broker, over the same 600,000 clicks of 165 bytes in two partitions; the
figures are medians. The narrow job counts by product and minute, the whole set is every fold there is. CPU
is that of the process itself; what Redis, a server, uses for an event is a figure of its own.
"""

import importlib.util
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
from support import ROOT, SERVERS, Figure, arguments_parser, at_least, at_most, beside, finish, missing

PEERS = ROOT / "benchmarks" / "peers"
PARTITIONS = 2
SECONDS = 300  # of the recording: 2,000 events a second
QUOTED = "2026-11-20"  # when the peers were measured that are quoted where they are not installed
DATA_TOPICS = 3


Maker = Callable[[random.Random, datetime], dict[str, Any]]


@dataclass(frozen=True)
class Peer:
    """Another stream processor, and what it reached on 2 cores on the day that is quoted."""

    name: str
    command: tuple[str, ...]
    quoted_rate: float  # events a second
    quoted_cpu: float  # us an event
    times: float | None  # so many times its rate is our target


def python(name: str, script: str) -> tuple[str, ...]:
    """The command of a peer in Python."""
    return (str(PEERS / name / "bin" / "python"), str(PEERS / script))


JAVA = ("java", "-cp", f"{PEERS}/streams:{PEERS}/streams/jars/*", "Streams")
LIMIT = Peer("confluent-kafka and decoding", python("decode", "decode.py"), 883_000, 1.33, None)
RIVALS = (
    Peer("Kafka Streams", JAVA, 98_000, 17.9, 2),
    Peer("Bytewax", python("bytewax", "bytewax_flow.py"), 66_000, 15.0, 3),
    Peer("Quix Streams", python("quix", "quix.py"), 25_000, 40.0, 8),
)


@dataclass(frozen=True)
class Run:
    """What one run of one contender took."""

    events: int
    seconds: float
    cpu: float  # seconds
    megabytes: float = 0.0
    redis_cpu: float = 0.0  # seconds

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cost(self) -> float:
        """CPU us an event."""
        return self.cpu / self.events * 1e6


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


def narrow_click(chosen: random.Random, at: datetime) -> dict[str, Any]:
    """A click of 165 bytes."""
    return {
        "user_id": f"u{chosen.randrange(50_000):05}",
        "product_id": f"SF-{int(chosen.paretovariate(0.8)) % 1000:04}",
        "timestamp": at.isoformat(timespec="microseconds"),
        "type": "view_item",
        "event_id": f"{chosen.getrandbits(128):032x}",
    }


def whole_click(chosen: random.Random, at: datetime) -> dict[str, Any]:
    """A click as the storefront tells it, of some 400 bytes."""
    click = narrow_click(chosen, at)
    here = f"/p/{click['product_id']}/"
    click["type"] = chosen.choices(
        ["view_item", "page_view", "view_item_list", "search", "add_to_cart", "view_cart", "begin_checkout"],
        [55, 15, 12, 6, 6, 4, 2],
    )[0]
    click |= {
        "session_id": f"s{click['user_id']}-{chosen.randrange(3)}",
        "path": here,
        "referrer": chosen.choice(
            (
                *("http://127.0.0.1:8000/", f"http://127.0.0.1:8000/p/SF-{chosen.randrange(300):04}/"),
                *("https://www.google.com/", f"https://site{chosen.randrange(200)}.example/"),
            )
        ),
        "campaign": chosen.choice([None, None, None, "spring", "newsletter"]),
        "device": chosen.choice(["phone", "desktop", "tablet"]),
        "country": chosen.choice(["GB", "DE", "FR", "US", "NL", "SE"]),
        "search": f"word {chosen.randrange(400)}" if click["type"] == "search" else None,
        "site": "127.0.0.1",
        "bot": chosen.random() < 0.02,
    }
    return {name: value for name, value in click.items() if value is not None}


def make_topics(prefix: str) -> None:
    """Every topic of the table, under a prefix."""
    from django.conf import settings

    from shopsite.events.kafka import make_admin
    from shopsite.events.topics import ensure_topics

    settings.TOPIC_PREFIX = prefix
    settings.CLICK_PARTITIONS = settings.ORDER_PARTITIONS = settings.INVENTORY_PARTITIONS = PARTITIONS
    admin = make_admin()
    ensure_topics(admin)
    admin.close()


def fill(prefix: str, make: Maker, events: int, hours_ago: float) -> None:
    """Write a recording that ended so long ago into the clicks' partitions, in order of time."""
    from confluent_kafka import Producer

    make_topics(prefix)
    chosen, since = random.Random(6), datetime.now(UTC) - timedelta(hours=hours_ago, seconds=SECONDS + 60)
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    producer = Producer({"bootstrap.servers": servers, "compression.type": "lz4", "linger.ms": 20})
    size = 0
    for number in range(events):
        click = make(chosen, since + timedelta(seconds=number / events * SECONDS))
        value = json.dumps(click, separators=(",", ":"))
        size += len(value)
        partition = zlib.crc32(click["product_id"].encode()) % PARTITIONS
        producer.produce(f"{prefix}clicks", value, click["product_id"], partition)
        if not number % 5_000:
            producer.poll(0)
    producer.flush()
    print(f"{events:,} events of {size / events:.0f} bytes on average are in {prefix}clicks")


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


def run_peer(peer: Peer, prefix: str, events: int) -> Run | None:
    """One run of a peer; None where it is not installed."""
    if not (PEERS / "streams" / "jars" if peer.command is JAVA else Path(peer.command[0])).exists():
        return None
    command = [*peer.command, os.environ["KAFKA_BOOTSTRAP_SERVERS"], f"{prefix}clicks", str(events)]
    with tempfile.TemporaryDirectory(prefix="shopsite-peer-") as folder:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=folder)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        print(f"{peer.name} did not finish: {done.stderr.strip()[-300:]}")
        return None
    told = json.loads(lines[-1])
    return Run(told["events"], told["seconds"], told["cpu"])


def median(runs: list[Run], what: str) -> float:
    """The median of one number of several runs."""
    return float(statistics.median(getattr(run, what) for run in runs))


def measured(peer: Peer, prefix: str, events: int, times: int) -> tuple[float, float]:
    """A peer's rate and cost: measured, or quoted where it is not installed."""
    runs = [run for _ in range(times) if (run := run_peer(peer, prefix, events))]
    if not runs:
        recipe = f"{peer.name} is not installed (benchmarks/peers/README.md): "
        print(f"{recipe}{peer.quoted_rate:,.0f}/s and {peer.quoted_cpu} us are quoted, of {QUOTED}.")
        return peer.quoted_rate, peer.quoted_cpu
    return median(runs, "rate"), median(runs, "cost")


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


class Watch:
    """CPU and memory of a process, from outside."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._begun, self._used = time.perf_counter(), self._cpu()

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def share(self) -> float:
        """Per cent of a core since the beginning."""
        return (self._cpu() - self._used) / (time.perf_counter() - self._begun) * 100

    def megabytes(self) -> float:
        """Resident now."""
        return float(self._process.memory_info().rss / 1024**2)


@contextmanager
def aggregator(prefix: str) -> Iterator["subprocess.Popen[bytes]"]:
    """`manage.py aggregate`, as a shop runs it."""
    env = {**os.environ, "TOPIC_PREFIX": prefix, "REDIS_PREFIX": prefix}
    env |= dict.fromkeys(("CLICK_PARTITIONS", "ORDER_PARTITIONS", "INVENTORY_PARTITIONS"), str(PARTITIONS))
    process = subprocess.Popen([sys.executable, "manage.py", "aggregate"], cwd=ROOT, env=env)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


def live(prefix: str, seconds: float) -> list[Figure]:
    """How old a click is when it shows, and what that costs, at two rates; and a burst of ten times."""
    from django.conf import settings
    from freshness import in_redis, quantile

    settings.TOPIC_PREFIX = settings.REDIS_PREFIX = prefix
    figures = []
    with aggregator(prefix) as process:
        in_redis(200, 3)  # until it has joined, and is warm
        for rate, targets in ((200, {0.5: 10, 0.99: 30}), (2_000, {0.99: 60})):
            watch = Watch(process.pid)
            found = in_redis(rate, seconds)
            share = watch.share()
            for part, limit in targets.items():
                name = f"sent to visible, {rate}/s, p{part * 100:.0f}"
                figures.append(at_most(name, quantile(found, part), "ms", limit))
        figures.append(at_most("share of a core at 2,000/s", share, "%", 35))
        figures += burst(prefix, process.pid)
    return figures


def burst(prefix: str, pid: int) -> list[Figure]:
    """20,000 events a second for ten seconds: how long until all are visible, and what memory it leaves."""
    watch = Watch(pid)
    before = watch.megabytes()
    send_steadily(prefix, 20_000, 10)
    behind = until_folded(prefix)
    return [
        at_most("behind after a burst of ten times for 10 s", behind, "s", 2),
        at_most("more memory after the burst", watch.megabytes() - before, "MB", 50),
    ]


def send_steadily(prefix: str, rate: int, seconds: float) -> None:
    """Send whole clicks at a rate (a second), a hundredth of it at a time."""
    from confluent_kafka import Producer

    chosen = random.Random(rate)
    producer = Producer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "linger.ms": 5})
    begun = time.perf_counter()
    for turn in range(int(seconds * 100)):
        if (wait := begun + turn / 100 - time.perf_counter()) > 0:
            time.sleep(wait)
        for number in range(rate // 100):
            value = json.dumps(whole_click(chosen, datetime.now(UTC)))
            producer.produce(f"{prefix}clicks", value, partition=number % PARTITIONS)
        producer.poll(0)
    producer.flush()


def lags(prefix: str) -> list[int]:
    """How many clicks of each partition are in the log and not in the figures."""
    from confluent_kafka import Consumer, TopicPartition

    from dashboards.keys import generation_keys
    from dashboards.store import read_position
    from shopsite.events.redis import redis_client

    consumer = Consumer({"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "lags"})
    try:
        ends = [
            consumer.get_watermark_offsets(TopicPartition(f"{prefix}clicks", number), timeout=10)[1]
            for number in range(PARTITIONS)
        ]
    finally:
        consumer.close()
    keys = generation_keys(0)
    stored = [read_position(redis_client(), keys, f"clicks-{number}").offset for number in range(PARTITIONS)]
    return [end - (offset or 0) for end, offset in zip(ends, stored, strict=True)]


def until_folded(prefix: str) -> float:
    """Seconds from now until no partition lags."""
    begun = time.perf_counter()
    while any(lags(prefix)):
        if time.perf_counter() - begun > 120:
            sys.exit(f"Not folded within two minutes: {lags(prefix)}")
        time.sleep(0.02)
    return time.perf_counter() - begun


def soak(prefix: str, minutes: float) -> list[Figure]:
    """2,000 events a second for so long: memory stays flat, and every partition is read."""
    from django.conf import settings

    settings.TOPIC_PREFIX = settings.REDIS_PREFIX = prefix
    with aggregator(prefix) as process:
        watch = Watch(process.pid)
        grown, behind = [], []
        for minute in range(math.ceil(minutes)):
            send_steadily(prefix, 2_000, 60)
            behind.append(max(lags(prefix)))
            grown.append(watch.megabytes())
            state = f"{grown[-1]:.0f} MB, {behind[-1]} events behind, {watch.share():.0f} % of a core"
            print(f"minute {minute + 1}: {state}", flush=True)
        until_folded(prefix)
    settled = grown[len(grown) // 4]  # by then it has met most of its visitors
    return [
        at_most(f"soak of {minutes:g} min at 2,000/s: more memory", grown[-1] - settled, "MB", 30),
        at_most("soak: most events behind in a partition at a minute's end", max(behind), "events", 2_000),
        at_most("soak: partitions that were not read to the end", sum(map(bool, lags(prefix))), "", 0),
    ]


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
            figures += whole_set("whole-", events, times, "the storefront's 400 bytes")
            make_topics("live-")
            figures += live("live-", 8 if options.quick else 60)
    settings = {"quick": options.quick, "cpus": os.cpu_count(), "events": events, "runs": times}
    finish("aggregate", settings, figures)


if __name__ == "__main__":
    main()
