"""Clicks that wait on disk while Kafka is away. clicks.py -> here -> clicks.py, oldest first.

Segments of JSON lines in one folder, which any number of processes share: a segment is written by
one process, then sent by whichever takes its lock first. Past the bound the oldest are deleted, counted.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from io import BufferedRandom, BufferedWriter
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)
SEGMENT_BYTES: Final = 256 * 1024  # what is sent twice at most when a process dies while sending it
FSYNC_SECONDS: Final = 1.0  # what a power cut may take

Message = tuple[str, bytes]  # key, value


@dataclass
class Claimed:
    """A segment that this process, and no other, is sending."""

    path: Path
    handle: BufferedRandom
    messages: list[Message]

    def finish(self) -> None:
        """Everything in it is in Kafka: forget it."""
        self.path.unlink(missing_ok=True)
        self.handle.close()

    def give_back(self) -> None:
        """Leave it for later, whole."""
        self.handle.close()


class Spool:
    """The folder of waiting clicks. Not thread-safe: one thread of a process uses it."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.dropped = 0  # clicks deleted past the bound, by this process
        self._max_bytes = max_bytes
        self._writing: BufferedWriter | None = None
        self._size = 0
        self._synced = 0.0

    def append(self, messages: Sequence[Message], *, since: float | None = None) -> None:
        """Keep the messages after what is there; since: the epoch seconds to sort a segment of their own by.

        Raises OSError where the disk does not take them.
        """
        if since is not None:
            self.close_segment()
        for key, value in messages:
            if self._writing is None:
                self._open(time.time() if since is None else since)
            self._size += self._write(key, value)
            if self._size >= SEGMENT_BYTES:
                self.close_segment()
        if self._writing is not None:
            self._writing.flush()
            if time.monotonic() - self._synced > FSYNC_SECONDS:
                os.fsync(self._writing.fileno())
                self._synced = time.monotonic()

    def close_segment(self) -> None:
        """Let go of the segment that is being written, so that it can be sent."""
        if self._writing is not None:
            self._writing.flush()
            os.fsync(self._writing.fileno())
            self._writing.close()
            self._writing = None

    def empty(self) -> bool:
        """Whether nothing waits, of this process or of others."""
        return self._writing is None and not self._segments()

    def size(self) -> int:
        """How much waits on the disk."""
        return sum(size for _, size in self._sizes())

    def claim(self) -> Claimed | None:
        """The oldest segment that no other process writes or sends; None where there is none."""
        self.close_segment()
        for path in self._segments():
            try:
                handle = path.open("r+b")
            except FileNotFoundError:
                continue  # sent by another process since we looked
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                handle.close()
                continue
            if not path.exists():
                handle.close()
                continue
            return Claimed(path, handle, _messages(handle.read(), path))
        return None

    def _open(self, since: float) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._trim()
        path = self.folder / f"{int(since * 1e6):020d}-{os.getpid()}-{time.monotonic_ns()}.jsonl"
        hidden = path.with_suffix(".new")
        self._writing = hidden.open("xb")
        fcntl.flock(self._writing, fcntl.LOCK_EX)  # until it is closed nobody else sends it
        hidden.rename(path)  # seen only with its lock
        self._size = 0

    def _write(self, key: str, value: bytes) -> int:
        if self._writing is None:
            raise RuntimeError("no segment is open")
        return self._writing.write(json.dumps(key).encode() + b"\t" + value + b"\n")

    def _trim(self) -> None:
        """Make room for one more segment within the bound."""
        sizes = self._sizes()
        total = sum(size for _, size in sizes)
        lost = 0
        for path, size in sizes:
            if total + SEGMENT_BYTES <= self._max_bytes:
                break
            lost += _lines(path)
            path.unlink(missing_ok=True)
            total -= size
        if lost:
            self.dropped += lost
            log.warning(
                "the spool is full (%d bytes): the oldest %d clicks are dropped", self._max_bytes, lost
            )

    def _segments(self) -> list[Path]:
        return sorted(self.folder.glob("*.jsonl"))

    def _sizes(self) -> list[tuple[Path, int]]:
        return [(path, _size(path)) for path in self._segments()]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def _messages(data: bytes, path: Path) -> list[Message]:
    """The messages of a segment; a last line that a crash cut short is left out."""
    messages = []
    for line in data.split(b"\n")[:-1]:
        key, tab, value = line.partition(b"\t")
        if tab:
            messages.append((str(json.loads(key)), value))
    if data and not data.endswith(b"\n"):
        log.warning("%s ends in the middle of a click: a crash cut it short", path.name)
    return messages
