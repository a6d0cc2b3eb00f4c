"""How long `make demo` takes, cold and warm, and the memory of its processes.

Cold: a copy of the project without .venv, an empty cache of jars, pip without its cache; warm: again.
Each is the time from the command to the first 200 of /readyz, in a folder that is removed afterwards.

    .venv/bin/python benchmarks/start.py [--quick]
"""

import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from support import ROOT, Figure, arguments, at_most, finish, free_port

LEFT_OUT = (".git", ".venv", ".local", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", "peers")
SERVERS = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "DATABASE_URL", "SHOP_LOCAL_DIR", "SHOP_ORIGIN", "VENV")
START_WITHIN = 300.0


@dataclass(frozen=True)
class Place:
    """A copy of the project with caches of its own."""

    project: Path
    cache: Path

    def forget(self) -> None:
        """As on a machine that has never seen the project."""
        for folder in (self.project / ".venv", self.project / ".local", self.cache):
            shutil.rmtree(folder, ignore_errors=True)
        for folder in self.project.rglob("__pycache__"):
            shutil.rmtree(folder)

    def env(self) -> dict[str, str]:
        """The environment of a user who has set nothing."""
        kept = {name: value for name, value in os.environ.items() if name not in SERVERS}
        return kept | {"SHOP_CACHE_DIR": str(self.cache), "PIP_NO_CACHE_DIR": "1"}


@dataclass(frozen=True)
class Started:
    """A demo that answers."""

    process: subprocess.Popen[bytes]
    seconds: float


def main() -> None:
    """Measure, print a table, then one JSON object."""
    quick = arguments("Start times of `make demo`, and the memory of its processes.").quick
    runs, settle = (1, 20) if quick else (3, 120)
    cold, warm, memory, stops = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="shopsite-start-") as folder:
        place = copy_project(Path(folder))
        for _ in range(runs):
            place.forget()
            with demo(place) as first:
                cold.append(first.seconds)
            with demo(place) as second:
                warm.append(second.seconds)
                time.sleep(settle)
                memory.append(pss_by_process(second.process))
                stops.append(stop(second.process))
    settings = {"quick": quick, "runs": runs, "memory_after_s": settle, "cores": os.cpu_count()}
    finish("start", settings, figures(cold, warm, memory, stops))


def figures(
    cold: list[float], warm: list[float], memory: list[dict[str, float]], stops: list[float]
) -> list[Figure]:
    """The medians, those with a target first."""
    names = sorted({name for one in memory for name in one})
    return [
        at_most("cold start", statistics.median(cold), "s", 60),
        at_most("warm start", statistics.median(warm), "s", 15),
        at_most("stop", statistics.median(stops), "s", 10),
        at_most("memory in all", statistics.median(sum(one.values()) for one in memory), "MB PSS", 1200),
        *(
            Figure(
                f"memory of {name}",
                round(statistics.median(one.get(name, 0.0) for one in memory), 1),
                "MB PSS",
            )
            for name in names
        ),
    ]


def copy_project(folder: Path) -> Place:
    """What git would clone, as it stands in the working tree."""
    project = folder / "project"
    shutil.copytree(ROOT, project, ignore=shutil.ignore_patterns(*LEFT_OUT), symlinks=True)
    return Place(project, folder / "cache")


@contextmanager
def demo(place: Place) -> Iterator[Started]:
    """Run `make demo` until the block ends. Ends the benchmark where it does not start."""
    port = free_port()
    output = place.project.parent / "output"
    began = time.monotonic()
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["make", "demo", f"DEMO=--port {port}"],
            cwd=place.project,
            env=place.env(),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while not is_ready(port):
            if process.poll() is not None or time.monotonic() - began > START_WITHIN:
                raise SystemExit(f"make demo did not start:\n{output.read_text(errors='replace')}")
            time.sleep(0.05)
        yield Started(process, time.monotonic() - began)
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> float:
    """Ctrl-C, as a terminal sends it to the whole group; the seconds until all has ended."""
    began = time.monotonic()
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
    return time.monotonic() - began


def is_ready(port: int) -> bool:
    """Whether /readyz answers 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def pss_by_process(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Megabytes of proportional set size of everything that runs, by the process's name."""
    memory: dict[str, float] = {}
    for member in psutil.Process(process.pid).children(recursive=True):
        try:
            name, size = name_of(member.cmdline()), member.memory_full_info().pss / 2**20
        except psutil.Error:  # it ended meanwhile
            continue
        memory[name] = memory.get(name, 0.0) + size
    return memory


def name_of(command: list[str]) -> str:
    """web, relay, ..., kafka, redis, or the supervisor itself."""
    if "kafka.Kafka" in command:
        return "kafka"
    if command and "server" in Path(command[0]).name:
        return "redis"
    names = [command[number + 1] for number, part in enumerate(command[:-1]) if part.endswith("manage.py")]
    return (names[0] if names else "guard").replace("demo", "supervisor")


if __name__ == "__main__":
    main()
