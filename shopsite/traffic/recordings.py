"""A recorded stream as a file. PATH, plain or .gz -> here -> formats/ -> replay.py.

Lines are read one at a time, so memory does not grow with the file, and a line that is wrong is
told by its number and left out; only a file that can't be read at all stops a run.
"""

import gzip
import hashlib
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from shopsite.events.schemas import Click, OrderPlaced, StockChanged

Event = Click | OrderPlaced | StockChanged

LONGEST_LINE = 4 * 1024 * 1024  # a day-long session of the OTTO data is about 40 KB
NAMED_LINES = 10  # of each list in a summary; the rest are a total
MOST_AHEAD = timedelta(minutes=10)  # the events' own bound: what is later is a dead letter


class WrongFile(Exception):
    """The file can't be replayed at all; the text is one sentence for whoever gave it."""


class Interrupted(Exception):
    """Somebody asked to stop. What was sent is in the log; the same command goes on from there."""


class InvalidLine(Exception):
    """One line can't be an event; the text is the reason."""


class Recorded(NamedTuple):
    """One event of a recording, with where it belongs."""

    topic: str  # clicks, orders or inventory
    key: str
    event: Event
    line: int  # counted from 1, a header included


@dataclass
class Tally:
    """What a reader met on its way: how many lines, which of them were invalid or left out, and why."""

    lines: int = 0  # without header and empty lines
    invalid: int = 0
    first_invalid: list[tuple[int, str]] = field(default_factory=list)
    skipped: Counter[str] = field(
        default_factory=Counter
    )  # reason -> lines: understood, but no event of ours
    first_skipped: list[tuple[int, str]] = field(default_factory=list)

    def reject(self, line: int, reason: str) -> None:
        """Count a line that is wrong, and keep the first ten with their reasons."""
        self.invalid += 1
        if len(self.first_invalid) < NAMED_LINES:
            self.first_invalid.append((line, reason))

    def skip(self, line: int, reason: str) -> None:
        """Count a line that is right but concerns no event of a shop."""
        self.skipped[reason] += 1
        if len(self.first_skipped) < NAMED_LINES:
            self.first_skipped.append((line, reason))


@dataclass(frozen=True)
class Recording:
    """A file whose bytes are known: every id that a reader makes derives from its digest."""

    path: Path
    digest: str  # sha256 of the plain bytes, in hex: the same for a file and its .gz
    latest: datetime  # what is recorded after this can't have happened yet

    def event_id(self, line: int, part: int = 0) -> str:
        """The id of the event that a line (or a part of it) tells; the same every time it is sent."""
        return f"{self.digest[:24]}-{line}-{part}" if part else f"{self.digest[:24]}-{line}"

    def scoped(self, name: str) -> str:
        """A name that is unique within the recording, made unique among recordings."""
        return f"{name}-{self.digest[:8]}"

    def lines(self) -> Iterator[tuple[int, str]]:
        """The numbered lines that are not empty, without line ends. Raises WrongFile."""
        return numbered_lines(self.path)


def open_recording(path: Path) -> Recording:
    """Read the file once to the end for its digest. Raises WrongFile where that is impossible."""
    digest = hashlib.sha256()
    with _plain(path) as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    if digest.digest() == hashlib.sha256().digest():
        raise WrongFile(f"{path} is empty.")
    return Recording(path=path, digest=digest.hexdigest(), latest=datetime.now(UTC) + MOST_AHEAD)


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not empty with their numbers; one that is too long is cut, so that it is invalid."""
    with _plain(path) as stream:
        number = 0
        while raw := stream.readline(LONGEST_LINE):
            number += 1
            if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
                _skip_line(stream)
            # A byte that is not UTF-8 must not cost a line whose other columns are right.
            text = raw.decode("utf-8", "replace").rstrip("\r\n")
            if number == 1:
                text = text.removeprefix("\ufeff")
            if text:
                yield number, text


def _skip_line(stream: BinaryIO) -> None:
    """Read on to the next line end."""
    while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
        pass


class _Told(io.RawIOBase):
    """A stream whose errors are one sentence about the file."""

    def __init__(self, path: Path, raw: BinaryIO) -> None:
        self._path = path
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: any buffer
        try:
            block = self._raw.read(len(buffer))
        except EOFError:
            raise WrongFile(f"{self._path} ends in the middle: the compressed file is cut off.") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise WrongFile(f"{self._path} is damaged: {error}.") from None
        except OSError as error:
            raise WrongFile(f"{self._path} can't be read: {error.strerror or error}.") from None
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _plain(path: Path) -> BinaryIO:
    """The file's plain bytes; what is compressed is known by its first two bytes, not by its name."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        raw = gzip.open(path, "rb") if packed else path.open("rb")  # noqa: SIM115  closed with _Told
    except FileNotFoundError:
        raise WrongFile(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise WrongFile(f"{path} is a folder: give one file.") from None
    except OSError as error:
        raise WrongFile(f"{path} can't be read: {error.strerror or error}.") from None
    return cast(BinaryIO, io.BufferedReader(_Told(path, cast(BinaryIO, raw)), buffer_size=1 << 18))
