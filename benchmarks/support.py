"""What the benchmarks share: a demo of their own, and results in the one form.

A benchmark measures the shop as a user starts it: `manage.py demo` in a folder that is gone afterwards.
"""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from redis import Redis

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
READY_WITHIN = 180.0  # seconds
SERVERS = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "DATABASE_URL")  # of another shop, which is left alone


@dataclass(frozen=True)
class Figure:
    """One measured number, beside what it should be and what others reach."""

    name: str
    value: float
    unit: str
    target: str | None = None  # such as "<= 75"
    met: bool | None = None
    peer: float | None = None
    ratio: float | None = None


@dataclass(frozen=True)
class Demo:
    """A running demo."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    origin: str


def arguments_parser(about: str) -> argparse.ArgumentParser:
    """The command line that every benchmark has; some add to it."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="under 3 minutes")
    return parser


def arguments(about: str) -> argparse.Namespace:
    """What the command line says."""
    return arguments_parser(about).parse_args()


def at_most(name: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that should not be above a limit."""
    return Figure(name, round(value, 2), unit, target=f"<= {limit:g}", met=value <= limit)


def at_least(name: str, value: float, unit: str, limit: float) -> Figure:
    """A figure that should not be below a limit."""
    return Figure(name, round(value, 2), unit, target=f">= {limit:g}", met=value >= limit)


def beside(figure: Figure, peer: float, ratio: float) -> Figure:
    """The figure with what a peer reaches, and how many times that is."""
    return replace(figure, peer=round(peer, 2), ratio=round(ratio, 2))


def finish(benchmark: str, settings: dict[str, Any], figures: list[Figure]) -> None:
    """Print the figures for people, then the one line for programs."""
    for figure in figures:
        verdict = {True: "met", False: "MISSED", None: ""}[figure.met]
        print(
            f"{figure.name:<52} {figure.value:>12,.2f} {figure.unit:<10} {figure.target or '':<8} {verdict}"
        )
    shown = [asdict(figure) for figure in figures]
    print(json.dumps({"benchmark": benchmark, "settings": settings, "figures": shown}))


def missing(what: str) -> None:
    """End where something that is needed is not there: nothing is installed by a benchmark."""
    sys.exit(f"This benchmark needs {what}.")


@contextmanager
def redis_alone() -> Iterator[Redis]:
    """An embedded Redis of its own, without the rest of a shop; Django in this process is set up."""
    with tempfile.TemporaryDirectory(prefix="shopsite-bench-") as folder:
        os.environ.update(
            SHOP_LOCAL_DIR=folder, DJANGO_SETTINGS_MODULE="shopsite.settings", LOG_LEVEL="ERROR"
        )
        sys.path.insert(0, str(ROOT))
        import django

        django.setup()
        from shopsite.runtime.redis import prepare_redis
        from shopsite.runtime.service import Service, dismiss_guard

        embedded = prepare_redis(Path(folder) / "redis", durable=False)
        service = Service(embedded.program)
        service.start()
        try:
            service.wait_ready()
            yield Redis.from_url(embedded.url)
        finally:
            service.stop()
            dismiss_guard()


@contextmanager
def demo(*options: str) -> Iterator[Demo]:
    """A demo without traffic of its own; Django in this process is set up to see its servers."""
    with tempfile.TemporaryDirectory(prefix="shopsite-bench-") as name:
        folder = Path(name)
        port = free_port()
        command = [sys.executable, "manage.py", "demo", "--port", str(port), "--no-traffic", *options]
        env = {key: value for key, value in os.environ.items() if key not in SERVERS}
        env["SHOP_LOCAL_DIR"] = name
        with (folder / "output").open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT)
        try:
            _wait_ready(process, folder / "output")
            _set_up_django(folder)
            yield Demo(process, folder, f"http://127.0.0.1:{port}")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait_ready(process: "subprocess.Popen[bytes]", output: Path) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while "Ctrl-C" not in (said := output.read_text(errors="replace")):
        if process.poll() is not None or time.monotonic() > deadline:
            sys.exit(f"The demo did not start:\n{said}")
        time.sleep(0.1)


def _set_up_django(folder: Path) -> None:
    """Only now, because the settings read the addresses that the demo has written."""
    for name in SERVERS:
        os.environ.pop(name, None)
    os.environ.update(
        SHOP_LOCAL_DIR=str(folder),
        DJANGO_SETTINGS_MODULE="shopsite.settings",
        LOG_LEVEL="ERROR",
        DJANGO_ALLOW_ASYNC_UNSAFE="true",  # Playwright's event loop runs in this thread
    )
    sys.path.insert(0, str(ROOT))
    import django

    django.setup()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
