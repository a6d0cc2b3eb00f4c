"""One child process: started in a session of its own, its log lines pumped, stopped for certain.

Program says what to run -> Service runs it -> supervisor.py and tests/conftest.py hold several.
A session of its own, since Ctrl-C reaches a terminal's whole group at once, Kafka included.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from shopsite.runtime.problems import CannotStart

GUARD = Path(__file__).with_name("guard.py")
LAST_LINES = 20


@dataclass(frozen=True)
class Program:
    """What to run, how to see that it is ready, and how long it may take to stop."""

    name: str
    args: Sequence[str | Path]
    env: Mapping[str, str] = field(default_factory=dict)  # on top of ours
    ready_line: str | None = None  # ready once a line of its log contains this
    ready: Callable[[int], bool] | None = None  # ready once this is true of its process id
    ready_within: float = 60.0  # seconds
    stop_within: float = 5.0  # seconds from SIGTERM to SIGKILL


class Service:
    """A running program. `echo` is given each line of its output, from a thread."""

    def __init__(self, program: Program, echo: Callable[[str], None] = lambda _line: None) -> None:
        self.program = program
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._echo = echo
        self._ready_seen = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._pump: threading.Thread | None = None

    @property
    def pid(self) -> int | None:
        """The process id, None before the start."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it; returns at once."""
        self._ready_seen.clear()
        self._process = subprocess.Popen(
            [str(arg) for arg in self.program.args],
            env=os.environ | self.program.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        _tell_guard(f"+{self._process.pid}")
        assert self._process.stdout
        self._pump = threading.Thread(target=self._pump_lines, args=(self._process.stdout,), daemon=True)
        self._pump.start()

    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.poll() if self._process else None

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def is_ready(self) -> bool:
        """Whether it runs and has shown that it is ready."""
        program, pid = self.program, self.pid
        if pid is None or not self.is_alive() or (program.ready_line and not self._ready_seen.is_set()):
            return False
        return program.ready is None or program.ready(pid)

    def wait_ready(self, stopping: threading.Event | None = None) -> None:
        """Return when it is ready. Raises CannotStart when it ends first or takes too long."""
        deadline = time.monotonic() + self.program.ready_within
        while not self.is_ready() and not (stopping and stopping.is_set()):
            if not self.is_alive():
                raise CannotStart(self.obituary(f"ended with {self.exit_code()} before it was ready"))
            if time.monotonic() > deadline:
                raise CannotStart(self.obituary(f"was not ready after {self.program.ready_within:.0f} s"))
            time.sleep(0.02)

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the process; its own children are its own business."""
        if self._process and self.is_alive():
            self._process.terminate()

    def stop(self, within: float | None = None) -> bool:
        """Stop it and whatever it started; kill what has not gone after `within` seconds.

        Returns whether it stopped by itself.
        """
        if self._process is None:
            return True
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(self.program.stop_within if within is None else within)
        by_itself = not self.is_alive()
        self.bury()
        return by_itself

    def bury(self) -> None:
        """Kill what is left of its session, read its log to the end, forget it."""
        if self._process is None or self._pump is None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody left: good
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._pump.join(timeout=2)
        _tell_guard(f"-{self._process.pid}")

    def _pump_lines(self, stream: IO[str]) -> None:
        """Hand on each line of the output until it ends."""
        with stream:
            for line in stream:
                line = line.rstrip()
                self.last_lines.append(line)
                if self.program.ready_line and self.program.ready_line in line:
                    self._ready_seen.set()
                self._echo(line)

    def obituary(self, what: str) -> str:
        """One sentence and the last lines of the log."""
        lines = "\n  ".join(self.last_lines) or "(it said nothing)"
        return f"{self.program.name} {what}. Its last lines:\n  {lines}"


_guard: subprocess.Popen[str] | None = None
_guard_lock = threading.Lock()


def _tell_guard(line: str) -> None:
    """Tell the guard which groups live; it is started with the first of them."""
    global _guard
    with _guard_lock:
        if _guard is None or _guard.poll() is not None:
            _guard = subprocess.Popen(
                [sys.executable, "-I", "-S", str(GUARD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                start_new_session=True,
            )
        assert _guard.stdin
        with contextlib.suppress(BrokenPipeError):  # killed just now: the next line starts another
            _guard.stdin.write(line + "\n")
            _guard.stdin.flush()


def dismiss_guard() -> None:
    """End the guard, when everything that it knew of is gone."""
    global _guard
    with _guard_lock:
        if _guard and _guard.stdin:
            _guard.stdin.close()
            _guard.wait()
        _guard = None
