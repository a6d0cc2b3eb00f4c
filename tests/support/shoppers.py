"""Shoppers who go on buying over HTTP, whatever dies on the other side, and remember what was accepted."""

import threading
from collections.abc import Sequence
from types import TracebackType

import httpx

from tests.support.shop import APPROVED, DECLINED, TIMES_OUT
from tests.support.shopper import Shopper

CARDS = (APPROVED, APPROVED, TIMES_OUT, APPROVED, DECLINED)
PAUSE = 0.05  # seconds between two purchases of one shopper: load, but not a race for this machine


class Shoppers:
    """So many shoppers, each in a thread. accepted: order -> the card that it was placed with."""

    def __init__(self, origin: str, skus: Sequence[str], count: int = 3) -> None:
        self.accepted: dict[str, str] = {}
        self.failed = 0  # attempts that the shop did not answer, or not with an order
        self._origin, self._skus = origin, skus
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._buy, args=(number,)) for number in range(count)]

    def __enter__(self) -> "Shoppers":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _buy(self, number: int) -> None:
        turn = number
        while not self._stop.wait(PAUSE):
            try:
                with Shopper(self._origin) as shopper:
                    while not self._stop.wait(PAUSE):
                        turn += 1
                        card = CARDS[turn % len(CARDS)]
                        shopper.add(self._skus[turn % len(self._skus)])
                        self.accepted[shopper.check_out(card=card)] = card
            except (httpx.HTTPError, AssertionError):  # the shop is away, or said that it cannot now
                self.failed += 1
