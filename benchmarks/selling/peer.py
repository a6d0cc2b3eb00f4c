"""The peers: one Celery task and transaction an order; django-oscar, quoted where it is not installed."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import ROOT

from selling.elsewhere import make_messages, paid, wait_for_paid
from selling.stack import running

PEERS = ROOT / "benchmarks" / "peers"
OSCAR = PEERS / "oscar" / "bin" / "python"
# django-oscar 4.2.1: place_order with stock allocation, 2 processes, PostgreSQL 15, 2 cores
OSCAR_ORDERS_PER_SECOND, OSCAR_MEASURED_ON = 48.0, "2026-11-24"


def one_by_one(count: int) -> float:
    """Orders a second of a Celery worker: two processes that keep their connections, first to last task."""
    sys.path.insert(0, str(PEERS))
    from django.utils import timezone
    from one_by_one import app, take  # type: ignore[import-not-found]

    from shopsite.events.schemas import OrderPlaced, read_order

    orders = []
    for number, (_, value) in enumerate(make_messages(count + 20, seed=9)):
        event = read_order(value, origin="peer", now=timezone.now())
        assert isinstance(event, OrderPlaced)
        lines = [(line.product_id, line.quantity, str(line.price)) for line in event.order_lines()]
        orders.append(
            {"order_id": event.order_id, "user_id": event.user_id, "amount": str(event.amount),
             "lines": lines, "offset": number}
        )  # fmt: skip
    with worker():
        before = paid()
        for order in orders[count:]:
            take.apply_async((order,), ignore_result=True)
        wait_for_paid(before + 20)
        begun = time.perf_counter()
        for order in orders[:count]:
            take.apply_async((order,), ignore_result=True)
        wait_for_paid(before + 20 + count)
        seconds = time.perf_counter() - begun
    app.close()
    return count / seconds


@contextmanager
def worker() -> Iterator[None]:
    """Celery's own worker, two processes."""
    from shopsite.runtime.service import Program

    program = Program(
        name="celery",
        args=[
            Path(sys.executable).with_name("celery"), "--workdir", PEERS, "--app", "one_by_one", "worker",
            "--concurrency", "2", "--loglevel", "WARNING", "--without-gossip", "--without-mingle",
            "--queues", "one_by_one",
        ],
    )  # fmt: skip
    with running(program):
        yield


def placed_by_oscar(count: int) -> float:
    """Orders a second of django-oscar's place_order, two processes, in a database beside ours."""
    if not OSCAR.exists():
        print(
            "django-oscar is not installed (benchmarks/peers/install oscar): its "
            f"{OSCAR_ORDERS_PER_SECOND:g} orders/s are of {OSCAR_MEASURED_ON}, 2 cores of another machine",
            flush=True,
        )
        return OSCAR_ORDERS_PER_SECOND
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE oscar")
    address = f"{os.environ['DATABASE_URL'].rsplit('/', 1)[0]}/oscar"
    command = [str(OSCAR), str(PEERS / "oscar_orders.py"), address, str(count), "2"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout)
    with connection.cursor() as cursor:
        cursor.execute("DROP DATABASE oscar")
    if told["orders"] != count:
        raise RuntimeError(f"django-oscar placed {told['orders']} of {count} orders")
    return count / float(told["seconds"])
