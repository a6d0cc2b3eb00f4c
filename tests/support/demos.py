"""A demo as a user starts it: `manage.py demo` in a folder of its own, watched from outside."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from shopsite.config import BASE_DIR, read_env_file
from shopsite.runtime.ports import free_port
from tests.support import until

START_WITHIN = 120.0  # seconds; a test machine may be busy
OTHERS = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "REDIS_URL",
    "DATABASE_URL",
    "DEMO",
    "SHOP_ORIGIN",
    "EXPECTED_PROCESSES",
    "GATEWAY_URL",
)


class DemoRun:
    """One running `manage.py demo`."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.port = free_port()
        self.origin = f"http://127.0.0.1:{self.port}"
        self.output = folder / "output"
        self.began = time.monotonic()
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                manage("demo", "--port", str(self.port), *arguments),
                env=self.env(),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def env(self) -> dict[str, str]:
        """The environment of this demo's folder, without servers of the tests."""
        kept = {name: value for name, value in os.environ.items() if name not in OTHERS}
        leases = {"LEASE_SECONDS": "15", "EMAIL_TIMEOUT_SECONDS": "5"}  # one outlives three timeouts
        return kept | {"SHOP_LOCAL_DIR": str(self.folder), **leases}

    def wait_ready(self) -> None:
        """Return when the banner is printed and /readyz answers 200."""
        until(lambda: "Ctrl-C" in self.said() or self.process.poll() is not None, within=START_WITHIN)
        assert self.process.poll() is None, self.said()
        until(lambda: self.readyz().status_code == 200, within=30)

    def said(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(errors="replace")

    def readyz(self) -> httpx.Response:
        """What /readyz answers now."""
        return httpx.get(f"{self.origin}/readyz", timeout=15)

    def link(self) -> str:
        """The login link of the banner."""
        found = re.search(r"http\S+/login/once/\S+", self.said())
        assert found, self.said()
        return found[0]

    def variables(self) -> dict[str, str]:
        """What it wrote for other commands."""
        return read_env_file(self.folder / "env")

    def processes(self) -> list[psutil.Process]:
        """Every process that it started, and theirs."""
        family: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return family

    def find(self, *words: str) -> psutil.Process | None:
        """The process whose command line ends with, or contains, these words."""
        for process in self.processes():
            try:
                line = process.cmdline()
            except psutil.Error:  # it died meanwhile
                continue
            if all(word in line for word in words):
                return process
        return None

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command in the same folder."""
        return subprocess.run(
            manage(*arguments), env=self.env(), capture_output=True, text=True, timeout=120, check=False
        )

    def report(self) -> dict[str, Any]:
        """`report` over the last hour."""
        now = time.time()
        start, end = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (now - 3600, now + 60))
        done = self.command("report", "--from", start, "--to", end, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The answer of its SQLite database."""
        connection = sqlite3.connect(self.folder / "shop.sqlite3", timeout=30)
        try:
            rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
            return rows
        finally:
            connection.close()

    def stop(self) -> None:
        """Stop it as Ctrl-C does, and wait. benchmarks/start.py tells how long that takes."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)


def manage(*arguments: str) -> list[str]:
    """A command line of the project."""
    return [sys.executable, str(BASE_DIR / "manage.py"), *arguments]


@contextmanager
def starting(folder: Path, *arguments: str) -> Iterator[DemoRun]:
    """A demo from its first moment on, and gone afterwards, whatever the test did."""
    folder.mkdir(exist_ok=True)
    run = DemoRun(folder, *arguments)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            family = run.processes()
            run.process.kill()
            for process in family:  # the guard does it too; a failed test must not wait for it
                with suppress(psutil.NoSuchProcess):
                    process.kill()
        run.process.wait()


@contextmanager
def demo(folder: Path, *arguments: str) -> Iterator[DemoRun]:
    """A demo that is ready, and gone afterwards."""
    with starting(folder, *arguments) as run:
        run.wait_ready()
        yield run
