"""Other stream processors at the same job, and what one run took. -> aggregate.py

Measured where benchmarks/peers/install has put them, else quoted.
"""

import json
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from support import ROOT

PEERS = ROOT / "benchmarks" / "peers"
QUOTED = "2026-11-20"  # when the peers were measured that are quoted where they are not installed


@dataclass(frozen=True)
class Peer:
    """Another stream processor, and what it reached on 2 cores on the day that is quoted."""

    name: str
    command: tuple[str, ...]
    quoted_rate: float  # events a second
    quoted_cpu: float  # us an event
    times: float | None  # so many times its rate is our target


def python(name: str, script: str) -> tuple[str, ...]:
    """The command of a peer in Python."""
    return (str(PEERS / name / "bin" / "python"), str(PEERS / script))


JAVA = ("java", "-cp", f"{PEERS}/streams:{PEERS}/streams/jars/*", "Streams")
LIMIT = Peer("confluent-kafka and decoding", python("decode", "decode.py"), 883_000, 1.33, None)
RIVALS = (
    Peer("Kafka Streams", JAVA, 98_000, 17.9, 2),
    Peer("Bytewax", python("bytewax", "bytewax_flow.py"), 66_000, 15.0, 3),
    Peer("Quix Streams", python("quix", "quix.py"), 25_000, 40.0, 8),
)


@dataclass(frozen=True)
class Run:
    """What one run of one contender took."""

    events: int
    seconds: float
    cpu: float  # seconds
    megabytes: float = 0.0
    redis_cpu: float = 0.0  # seconds

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    @property
    def cost(self) -> float:
        """CPU us an event."""
        return self.cpu / self.events * 1e6


def run_peer(peer: Peer, prefix: str, events: int) -> Run | None:
    """One run of a peer; None where it is not installed."""
    if not (PEERS / "streams" / "jars" if peer.command is JAVA else Path(peer.command[0])).exists():
        return None
    command = [*peer.command, os.environ["KAFKA_BOOTSTRAP_SERVERS"], f"{prefix}clicks", str(events)]
    with tempfile.TemporaryDirectory(prefix="shopsite-peer-") as folder:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, cwd=folder)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        print(f"{peer.name} did not finish: {done.stderr.strip()[-300:]}")
        return None
    told = json.loads(lines[-1])
    return Run(told["events"], told["seconds"], told["cpu"])


def median(runs: list[Run], what: str) -> float:
    """The median of one number of several runs."""
    return float(statistics.median(getattr(run, what) for run in runs))


def measured(peer: Peer, prefix: str, events: int, times: int) -> tuple[float, float]:
    """A peer's rate and cost: measured, or quoted where it is not installed."""
    runs = [run for _ in range(times) if (run := run_peer(peer, prefix, events))]
    if not runs:
        recipe = f"{peer.name} is not installed (benchmarks/peers/README.md): "
        print(f"{recipe}{peer.quoted_rate:,.0f}/s and {peer.quoted_cpu} us are quoted, of {QUOTED}.")
        return peer.quoted_rate, peer.quoted_cpu
    return median(runs, "rate"), median(runs, "cost")
