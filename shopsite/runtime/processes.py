"""The shop's own processes, in one table: demo.py starts them, checks.py expects their heartbeats.

Each is `manage.py NAME`, the same command that docker/compose.yaml runs.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.management import get_commands
from redis.exceptions import RedisError

from shopsite.config import BASE_DIR
from shopsite.events.heartbeat import read_beats
from shopsite.runtime.service import Program

# Ranks of stopping: who makes events stops before who carries them, servers last.
SIMULATE, WEB, LOOPS, SERVERS = range(4)


@dataclass(frozen=True)
class ShopProcess:
    """One row of the table."""

    name: str  # of the command, and of its heartbeat
    rank: int
    stop_within: float  # seconds


SHOP_PROCESSES = (
    ShopProcess("gateway", LOOPS, 4.0),
    ShopProcess("web", WEB, 4.0),
    ShopProcess("relay", LOOPS, 4.0),
    ShopProcess("consume", LOOPS, 4.0),
    ShopProcess("worker", LOOPS, 4.0),
    ShopProcess("beat", LOOPS, 4.0),
    ShopProcess("aggregate", LOOPS, 4.0),
    ShopProcess("simulate", SIMULATE, 3.0),
)


def process_names(*, traffic: bool) -> list[str]:
    """What runs in a demo. traffic: with made-up shoppers."""
    known = set(get_commands())
    if not traffic:
        known.discard("simulate")
    if settings.PAYMENT_GATEWAY != "simulated":
        known.discard("gateway")
    return [row.name for row in SHOP_PROCESSES if row.name in known]


def shop_programs(rank: int, *, traffic: bool, web_arguments: Sequence[str]) -> list[Program]:
    """How to run those of one rank. web_arguments: of `manage.py web`."""
    names = process_names(traffic=traffic)
    rows = [row for row in SHOP_PROCESSES if row.rank == rank and row.name in names]
    return [_program(row, web_arguments if row.name == "web" else ()) for row in rows]


def _program(row: ShopProcess, arguments: Sequence[str]) -> Program:
    # -u: a line that waits in a buffer would be lost when the process is killed
    command: list[str | Path] = [sys.executable, "-u", BASE_DIR / "manage.py", row.name, *arguments]
    return Program(
        name=row.name, args=command, ready=lambda pid: is_beating(row.name, pid), stop_within=row.stop_within
    )


def is_beating(name: str, pid: int) -> bool:
    """Whether the process has sent its first heartbeat."""
    try:
        return any(beat["name"] == name and beat["pid"] == pid for beat in read_beats())
    except (RedisError, OSError):
        return False
