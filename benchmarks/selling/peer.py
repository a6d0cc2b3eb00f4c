"""The peers: one Celery task and transaction an order, in the same run; django-oscar as once measured."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from support import ROOT

from selling.elsewhere import make_messages, paid, wait_for_paid
from selling.stack import running

PEERS = ROOT / "benchmarks" / "peers"
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
