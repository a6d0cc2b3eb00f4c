"""Buyers who run against each other: processes with threads, each with a connection of its own.

Rush (the test's side) -> `python -m tests.support.rush` (the buyers' side), a JSON line each way a round.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support import child_env

PROCESSES = 4  # on few cores, more would only wait for each other's imports


@dataclass(frozen=True)
class Round:
    """What became of one round."""

    said: Counter[str]  # "sold", "short", or what went wrong
    longest: float  # seconds that a buyer waited for the answer


class Rush:
    """Processes full of buyers who are ready to run."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.support.rush_buyers"]
        env = child_env(DJANGO_SETTINGS_MODULE="shopsite.settings", LOG_LEVEL="ERROR")
        pipe = subprocess.PIPE
        self._processes = [
            subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env) for _ in range(PROCESSES)
        ]

    def run(self, carts: Sequence[object]) -> Round:
        """One round: a buyer for each cart, as rush_buyers.py takes them, all at once."""
        for number, process in enumerate(self._processes):
            assert process.stdin is not None
            process.stdin.write(json.dumps(carts[number::PROCESSES]) + "\n")
            process.stdin.flush()
        answers: list[tuple[str, float]] = []
        for process in self._processes:
            assert process.stdout is not None
            answers += json.loads(process.stdout.readline())
        return Round(Counter(said for said, _ in answers), max(seconds for _, seconds in answers))

    def close(self) -> None:
        """Send the buyers home."""
        for process in self._processes:
            process.communicate(timeout=30)
            assert process.returncode == 0


@contextmanager
def rush() -> Iterator[Rush]:
    """Buyers for the time of a test."""
    buyers = Rush()
    try:
        yield buyers
    finally:
        buyers.close()
