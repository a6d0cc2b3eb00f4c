"""One relay at a time: who holds this sends, the others stand by. relay.py -> here -> the database's host."""

import fcntl
from io import FileIO
from pathlib import Path
from typing import Final, Protocol

from django.db import connection

RELAY_LOCK: Final = 7_236_827_311_004  # any number, the same for every relay of a database


class Lock(Protocol):
    """Held until released, or until the process dies."""

    def take(self) -> bool:
        """Whether this process holds it, now. Never waits."""

    def release(self) -> None:
        """Let another have it."""


class AdvisoryLock:
    """PostgreSQL's own: the server frees it when the session that took it ends."""

    def __init__(self, number: int = RELAY_LOCK) -> None:
        self._number = number
        self._session: object = None  # the connection that took it: a new one does not have it

    def take(self) -> bool:
        """Whether this session holds the lock, now."""
        connection.ensure_connection()
        if self._session is not None and self._session is connection.connection:
            return True
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [self._number])
            (taken,) = cursor.fetchone()
        self._session = connection.connection if taken else None
        return bool(taken)

    def release(self) -> None:
        """Unlock, where this session holds it."""
        if self._session is not None and self._session is connection.connection:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [self._number])
        self._session = None


class FileLock:
    """For SQLite, whose users share a machine: a lock on a file beside the database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def take(self) -> bool:
        """Whether this process holds the lock, now."""
        if self._file is not None:
            return True
        file = FileIO(self._path, "a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        """Unlock, where this process holds it."""
        if self._file is not None:
            self._file.close()
            self._file = None


def relay_lock() -> Lock:
    """The lock that fits the database."""
    if connection.vendor == "postgresql":
        return AdvisoryLock()
    return FileLock(Path(f"{connection.settings_dict['NAME']}.relay.lock"))
