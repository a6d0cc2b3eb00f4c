"""The log lines of all processes: service.py's pumps -> here -> the terminal and .local/logs/NAME.log."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

FILE_BYTES = 5_000_000  # each log is this file and the one before it
COLOURS = (36, 32, 33, 35, 34, 96, 92, 93, 95, 94)  # ANSI, one a process


class LogFile:
    """A file that begins anew when it is full; the one before is kept as NAME.log.1."""

    def __init__(self, path: Path, limit: int = FILE_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._limit = path, limit
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._size = path.stat().st_size

    def write(self, line: str) -> None:
        """Add a line. A full disk costs lines, never the process that wrote them."""
        with self._lock:
            try:
                if self._size > self._limit:
                    self._begin_anew()
                self._size += self._file.write(line + "\n")
            except OSError as error:
                sys.stderr.write(f"{self._path.name} cannot be written: {error}\n")

    def close(self) -> None:
        """No more lines."""
        with self._lock:
            self._file.close()

    def _begin_anew(self) -> None:
        self._file.close()
        self._path.replace(self._path.with_name(self._path.name + ".1"))
        self._file = self._path.open("a", encoding="utf-8", buffering=1)
        self._size = 0


class Terminal:
    """Whole lines from many threads, each behind the name of who said it."""

    def __init__(self, out: TextIO) -> None:
        self.muted = True  # lines of processes; the supervisor's own are always said
        self._out = out
        self._closed = False
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._coloured = out.isatty() and not os.environ.get("NO_COLOR")

    def say(self, text: str) -> None:
        """A line of the supervisor's own."""
        with self._lock:
            if self._closed:
                return
            try:
                self._out.write(text + "\n")
                self._out.flush()
            except OSError:
                self._closed = True  # the terminal has gone: no reason to stop, the files go on

    def echo(self, name: str, line: str) -> None:
        """A line of the named process."""
        if self.muted:
            return
        prefix = f"{name:9} | "
        if self._coloured:
            colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
            prefix = f"\x1b[{colour}m{prefix}\x1b[0m"
        self.say(prefix + line)


def tee(name: str, terminal: Terminal, log: LogFile) -> Callable[[str], None]:
    """What to give a Service as its echo: each line to the file and to the terminal."""

    def echo(line: str) -> None:
        log.write(line)
        terminal.echo(name, line)

    return echo
