"""A process that buys, for tests in which many buy at once: `python -m tests.support.rush SKU,SKU COUNT`.

It waits for a line on its input, so that all start together, and prints "sold" or "short" for each try.
"""

import sys

import django

django.setup()

from shopsite.fulfilment import OutOfStock  # noqa: E402  # after the set-up
from tests.support.shop import place  # noqa: E402


def main(skus: list[str], count: int) -> None:
    """Try to buy one of each, `count` times."""
    print("ready", flush=True)  # noqa: T201
    sys.stdin.readline()
    for _ in range(count):
        try:
            place(dict.fromkeys(skus, 1))
        except OutOfStock:
            print("short", flush=True)  # noqa: T201
        else:
            print("sold", flush=True)  # noqa: T201


main(sys.argv[1].split(","), int(sys.argv[2]))
