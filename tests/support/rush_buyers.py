"""The buyers of rush.py: for each line of carts on the input, all buy at once, each in a thread.

A cart is a list of products, one of each, or what another system sends: {"batch": [[product, status]]}. An
answer is a list of [what was said, seconds] for each cart.
"""

import json
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import django

django.setup()

from django.db import DatabaseError, connections, transaction  # noqa: E402  # after the set-up

from shopsite.fulfilment import OutOfStock, handle_orders  # noqa: E402
from tests.support.messages import order_message  # noqa: E402
from tests.support.shop import place  # noqa: E402

MOST = 64  # buyers in one process
Batch = Mapping[str, Sequence[tuple[str, str | None]]]


def buy(cart: Sequence[str] | Batch, start: threading.Barrier) -> tuple[str, float]:
    """One buyer's way through the checkout, and how long it took."""
    start.wait()
    began = time.monotonic()
    try:
        if isinstance(cart, Mapping):
            handle(cart["batch"])
            said = "handled"
        else:
            place(dict.fromkeys(cart, 1))
            said = "sold"
    except OutOfStock:
        said = "short"
    except DatabaseError as error:
        said = f"{type(error).__name__}: {error}"
    return said, time.monotonic() - began


def handle(orders: Sequence[tuple[str, str | None]]) -> None:
    """A worker's turn: orders of another system, in one transaction."""
    messages = [
        order_message(order_id=uuid4().hex, user_id="u", product_ids=[sku], amount=1, status=status)
        for sku, status in orders
    ]
    with transaction.atomic():
        handle_orders(messages)


def main() -> None:
    """A round for each line, until the input ends."""
    with ThreadPoolExecutor(MOST, initializer=lambda: connections["default"].ensure_connection()) as threads:
        for line in sys.stdin:
            carts = json.loads(line)
            start = threading.Barrier(len(carts))
            runs = [threads.submit(buy, cart, start) for cart in carts]
            print(json.dumps([run.result() for run in runs]), flush=True)  # noqa: T201


main()
