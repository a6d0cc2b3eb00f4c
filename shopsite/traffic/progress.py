"""How far a long command is, on a terminal. replay.py, history.py -> here -> stderr."""

import sys
import time
from typing import TextIO

EVERY_SECONDS = 0.1
WIDTH = 30


class Progress:
    """One line that is drawn over; nothing where the stream is no terminal."""

    def __init__(self, label: str, total: int, stream: TextIO | None = None) -> None:
        self._label = label
        self._total = total
        self._stream = stream or sys.stderr
        self._shown = self._stream.isatty()
        self._begun = time.monotonic()
        self._next = 0.0

    def at(self, count: int) -> None:
        """Draw the state, at most ten times a second."""
        if not self._shown or (now := time.monotonic()) < self._next:
            return
        self._next = now + EVERY_SECONDS
        self._draw(count, now)

    def end(self, count: int) -> None:
        """Draw the last state and leave it there."""
        if self._shown:
            self._draw(count, time.monotonic())
            self._stream.write("\n")
            self._stream.flush()

    def _draw(self, count: int, now: float) -> None:
        share = min(1.0, count / self._total) if self._total else 1.0
        filled = int(share * WIDTH)
        rate = count / max(now - self._begun, 0.001)
        bar = "█" * filled + "·" * (WIDTH - filled)
        left = f", {(self._total - count) / rate:,.0f} s left" if rate > 0 and count < self._total else ""
        self._stream.write(f"\r{self._label} {bar} {share:4.0%} {count:,} at {rate:,.0f}/s{left}\x1b[K")
        self._stream.flush()
