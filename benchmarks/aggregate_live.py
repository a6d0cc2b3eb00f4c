"""An aggregator as a shop runs it, watched from outside: steady rates, a burst, a soak. -> aggregate.py"""

import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psutil
from aggregate_clicks import PARTITIONS, whole_click
from support import ROOT, Figure, at_most


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

    from dashboards.counting.store import read_position
    from dashboards.keys import generation_keys
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
