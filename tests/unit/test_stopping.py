"""How a long-running command is asked to stop."""

import signal

import pytest

from shopsite.events.loops import stopping
from tests.support import until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_interrupts_a_wait_at_its_lock_is_heard(number: signal.Signals) -> None:
    with stopping() as stop:
        with stop._cond:  # type: ignore[attr-defined]  # held by wait() itself, for a moment each time
            signal.raise_signal(number)
        until(stop.is_set, within=5)
