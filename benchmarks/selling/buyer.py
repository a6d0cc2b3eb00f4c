"""A process that checks out as often as it can: `buyer.py SECONDS SKU,SKU,...`, told to begin by a line.

Prints how many orders the shop accepted. One product is a hot product; of many, each order takes one.
"""

import random
import sys
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import django

django.setup()

from shopsite.fulfilment import TEST_CARDS, Buyer, CartLine, place_order  # noqa: E402  # after the set-up

BUYER = Buyer(
    user_id="benchmark",
    session_id="benchmark",
    email="ada@example.org",
    name="Ada Morgenstern",
    street="Lindenweg 12",
    city="Berlin",
    postcode="10999",
    country="DE",
)


def main(seconds: float, skus: list[str]) -> None:
    """Buy until the time is over."""
    buy(skus[0])  # loads what is loaded late
    print("ready", flush=True)
    sys.stdin.readline()
    until, bought = time.perf_counter() + seconds, 0
    while time.perf_counter() < until:
        buy(random.choice(skus))
        bought += 1
    print(bought, flush=True)


def buy(sku: str) -> None:
    """One order of one piece."""
    line = CartLine(product_id=sku, title=sku, quantity=1, price=Decimal("12.50"))
    place_order(lines=[line], buyer=BUYER, card=TEST_CARDS[0].number)


main(float(sys.argv[1]), sys.argv[2].split(","))
