"""How a long-running command begins, ends and survives. SIGTERM -> stopping() -> run(stop)."""

import _thread
import logging
import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from shopsite.events.schemas import Unavailable

log = logging.getLogger(__name__)
LONGEST_PAUSE = 5.0  # seconds between tries of something that is down: soon enough when it is back


@contextmanager
def stopping() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set; the old handlers come back at the end."""
    stop = threading.Event()

    def ask(_signum: int, _frame: FrameType | None) -> None:
        if stop.is_set():  # asked twice: whoever asks does not want to wait any more
            raise KeyboardInterrupt
        set_from_signal(stop)

    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals belong to the main thread; here the caller sets the event
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def set_from_signal(event: threading.Event) -> None:
    """Set an event from a signal handler, in a thread of its own.

    A handler runs between two steps of the main thread, which may be inside this very event's wait() and
    hold its lock: setting it there waits for ever. `threading` has such locks itself, hence `_thread`.
    """
    _thread.start_new_thread(event.set, ())


class Pause:
    """Waiting that grows with each failure in a row and ends at once when asked to stop."""

    def __init__(self, stop: threading.Event, first: float = 0.1) -> None:
        self._stop, self._first, self._failures = stop, first, 0

    def reset(self) -> None:
        """It works again."""
        self._failures = 0

    def wait(self) -> float:
        """Wait for longer than the last time, at most LONGEST_PAUSE; returns the seconds meant."""
        seconds = min(LONGEST_PAUSE, self._first * 2.0 ** min(self._failures, 10))
        seconds *= random.uniform(0.7, 1.0)  # so that processes do not come back in step
        self._failures += 1
        self._stop.wait(seconds)
        return seconds


def run_steps(
    step: Callable[[], int],
    stop: threading.Event,
    *,
    name: str,
    idle: Callable[[], object],
    recover: Callable[[], object],
    expected: tuple[type[Exception], ...] = (),
) -> None:
    """Call step until asked to stop: idle() where it did nothing, recover() and a pause where it failed.

    Unavailable and the expected exceptions are told in one line, anything else with its traceback:
    a loop never ends because of one.
    """
    pause = Pause(stop)
    told_briefly: tuple[type[Exception], ...] = (Unavailable, *expected)
    while not stop.is_set():
        try:
            if not step():
                idle()
            pause.reset()
        except told_briefly as error:
            log.warning("%s waits: %s: %s", name, type(error).__name__, error)
            _recover(recover, name)
            pause.wait()
        except Exception:
            log.exception("%s failed; it tries again", name)
            _recover(recover, name)
            pause.wait()


def _recover(recover: Callable[[], object], name: str) -> None:
    try:
        recover()
    except Exception:
        log.exception("%s could not clear up after a failure", name)
