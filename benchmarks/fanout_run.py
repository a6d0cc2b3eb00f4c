"""One run: so many viewers in another process, a publication a second, what came of it. fanout.py -> here."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from support import ROOT


@dataclass(frozen=True)
class Load:
    """One run."""

    viewers: int
    stalled: int
    publications: int  # one a second


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    p50_ms: float
    p99_ms: float
    missed: int
    gaps: int
    closed: int
    messages: int
    bytes_median: int
    cpu_us: float  # of the server, a message
    grown_mb: float  # its memory, from before the publications until after


class Viewers:
    """The process of viewers.py."""

    def __init__(
        self, url: str, load: Load, *, headers: dict[str, str], hello: list[str], numbered: bool
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "benchmarks/viewers.py"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._tell(
            {
                "url": url, "headers": headers, "hello": hello, "viewers": load.viewers,
                "stalled": load.stalled, "numbered": numbered,
            }
        )  # fmt: skip
        if self._hear() != b"ready\n":
            sys.exit("The viewers did not connect: their error stands above.")

    def finish(self, sent: list[float]) -> dict[str, Any]:
        """What they saw of these publications."""
        self._tell(sent)
        found: dict[str, Any] = json.loads(self._hear())
        self._process.wait(30)
        return found

    def _tell(self, what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def measure(server: psutil.Process, viewers: Viewers, publish: Callable[[], float], load: Load) -> Outcome:
    """Publish once a second. publish: does it, and returns the second at which it was out."""
    time.sleep(2)  # connecting is over
    memory, cpu = server.memory_info().rss, sum(server.cpu_times()[:2])
    sent, begun = [], time.monotonic()
    for number in range(load.publications):
        time.sleep(max(0.0, begun + number - time.monotonic()))
        sent.append(publish())
    time.sleep(1.5)
    used, grown = sum(server.cpu_times()[:2]) - cpu, server.memory_info().rss - memory
    found = viewers.finish(sent)
    delays = sorted(found["delays_ms"]) or [float("nan")]
    return Outcome(
        p50_ms=statistics.median(delays),
        p99_ms=delays[int(len(delays) * 0.99)],
        missed=found["missed"],
        gaps=found["gaps"],
        closed=found["closed"],
        messages=found["messages"],
        bytes_median=found["sizes"],
        cpu_us=used / max(found["messages"], 1) * 1e6,
        grown_mb=grown / 2**20,
    )
