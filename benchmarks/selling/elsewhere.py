"""Orders that were paid elsewhere, from Kafka to `paid` with all their rows: orders a second."""

import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import psutil

from selling.stack import shop

PRODUCTS = 200
LINES = (1, 2, 3, 4, 5)  # of an order, by these weights: 2.9 on average
WEIGHTS = (20, 25, 20, 15, 20)
GIVE_UP_SECONDS = 600.0
COMMANDS = ("consume", "worker", "relay", "web", "gateway", "kafka.Kafka")


def make_messages(
    count: int, *, seed: int = 1, status: Literal["paid"] | None = "paid"
) -> list[tuple[bytes, bytes]]:
    """Key and value of orders as another shop would send them: paid there, or to be charged here."""
    from shopsite.events.schemas import OrderLine, OrderPlaced, encode

    chosen = random.Random(seed)
    begun = datetime.now(UTC) - timedelta(days=1)
    made = []
    for number in range(count):
        order_id = f"B{seed}-{number:07}"
        skus = chosen.sample(range(PRODUCTS), chosen.choices(LINES, WEIGHTS)[0])
        lines = [
            OrderLine(
                product_id=f"SKU-{sku:04}",
                quantity=chosen.randint(1, 3),
                price=Decimal(chosen.randint(100, 9_999)) / 100,
            )
            for sku in skus
        ]
        event = OrderPlaced(
            order_id=order_id,
            user_id=f"customer-{chosen.randrange(count)}",
            product_ids=[line.product_id for line in lines],
            lines=lines,
            amount=sum((line.quantity * (line.price or Decimal(0)) for line in lines), Decimal(0)),
            currency="EUR",
            status=status,
            timestamp=begun + timedelta(milliseconds=number),
        )
        made.append((order_id.encode(), encode(event)))
    return made


def stock_up() -> None:
    """Products with more on the shelves than anybody will buy."""
    from django.db import transaction

    from inventory.services import adjust

    with transaction.atomic():
        for sku in range(PRODUCTS):
            adjust(product_id=f"SKU-{sku:04}", change=10_000_000, reason="opening", actor="benchmark")


def send(messages: Sequence[tuple[bytes, bytes]]) -> None:
    """Send them all, and wait until Kafka has them."""
    from shopsite.events.kafka import close_quietly, make_producer
    from shopsite.events.topics import topic_name

    producer, topic = make_producer(), topic_name("orders")
    futures = [producer.send(topic, key=key, value=value) for key, value in messages]
    producer.flush(60)
    assert all(future.succeeded() for future in futures)
    close_quietly(producer)


@contextmanager
def held(pids: Sequence[int]) -> Iterator[None]:
    """Processes that stand still meanwhile, so that the load's own CPU is not measured with them."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@dataclass(frozen=True)
class Drained:
    """How a backlog was worked off."""

    per_second: float
    memory: Mapping[str, Sequence[float]]  # by process: MiB at the start, in the middle, at the end


def drain(count: int, commands: Sequence[Sequence[str]], *, seed: int = 1) -> Drained:
    """Work off so many orders, from the moment that consume may read them until all are paid."""
    messages = make_messages(count, seed=seed)
    with shop(*commands) as services:
        pids = {service.program.name: service.pid or 0 for service in services}
        warm_up(seed)
        before, weighed = paid(), [weigh(pids)]
        with held([pids["consume"]]):
            send(messages)
            del messages
        begun, used = time.perf_counter(), cpu_seconds()
        wait_for_paid(before + count // 2)
        weighed.append(weigh(pids))
        wait_for_paid(before + count)
        seconds = time.perf_counter() - begun
        weighed.append(weigh(pids))
        tell_cpu(used, count)
    return Drained(count / seconds, {name: [sample[name] for sample in weighed] for name in pids})


def weigh(pids: Mapping[str, int]) -> dict[str, float]:
    """MiB resident of each process."""
    return {name: psutil.Process(pid).memory_info().rss / 2**20 for name, pid in pids.items()}


def tell_cpu(before: Mapping[str, float], count: int) -> None:
    """Print what each process has spent on an order since then."""
    for name, spent in sorted(cpu_seconds().items(), key=lambda pair: -pair[1]):
        each = (spent - before.get(name, 0.0)) / count * 1e6
        if each >= 1:
            print(f"  {name:<12} {each:6.0f} us of CPU an order", flush=True)


def warm_up(seed: int) -> None:
    """A few orders first: modules are loaded, products known, connections open."""
    before = paid()
    send(make_messages(200, seed=seed + 1_000_000))
    wait_for_paid(before + 200)


def paid() -> int:
    """How many orders are paid."""
    from orders.models import Order

    return Order.objects.filter(status="paid").count()


def wait_for_paid(count: int) -> None:
    """Return when so many orders are paid."""
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while (found := paid()) < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{count - found:,} orders are not paid after {GIVE_UP_SECONDS:.0f} s")
        time.sleep(0.2)


def cpu_seconds() -> dict[str, float]:
    """CPU since its start of this process, of all that it started, and of its PostgreSQL, by name."""
    used: dict[str, float] = {}
    port = urlsplit(os.environ["DATABASE_URL"]).port
    for process in psutil.process_iter(["pid", "ppid", "cmdline", "cpu_times"]):
        name, times = _name(process, f"-p {port} "), process.info["cpu_times"]
        if name and times:
            used[name] = used.get(name, 0.0) + times.user + times.system
    return used


def _name(process: psutil.Process, port: str) -> str:
    """What the process is to this benchmark; empty for what it has not started."""
    about, mine = process.info, os.getpid()
    line = about["cmdline"] or [""]
    if about["pid"] == mine:
        return "benchmark"
    if about["ppid"] == mine:
        return next((word for word in line if word in COMMANDS), Path(line[0]).name)
    if not line[0].startswith("postgres:"):
        return ""
    try:
        parent = " ".join(psutil.Process(about["ppid"]).cmdline())
    except psutil.Error:
        return ""
    return "postgres" if port in parent.replace('"', "") else ""
