"""`python -m tests.support.charge_and_die MOMENT ORDER`: a worker that is killed -9 while it charges.

MOMENT: "before capture", or "after capture" (the bank has done it, and nobody wrote it down).
"""

import os
import signal
import sys
from typing import Any

import django

django.setup()

from orders import payments  # noqa: E402  # after the set-up
from orders.payments.gateway import Standing  # noqa: E402
from orders.payments.simulated import SimulatedGateway  # noqa: E402
from shopsite.fulfilment import charge  # noqa: E402


class DeadlyGateway(SimulatedGateway):
    """Kills whoever asks it, at one moment."""

    def __init__(self, moment: str) -> None:
        self._moment = moment

    def capture(self, **call: Any) -> Standing:
        """See Gateway."""
        self._pass("before capture")
        standing = super().capture(**call)
        self._pass("after capture")
        return standing

    def _pass(self, moment: str) -> None:
        if moment == self._moment:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    bank = DeadlyGateway(sys.argv[1])
    payments.gateway = lambda: bank
    charge(sys.argv[2])
