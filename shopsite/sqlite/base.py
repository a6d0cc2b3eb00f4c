"""SQLite, whose writers queue: who asked first begins first. settings.DATABASES -> here -> Django's own.

Left alone, writers ask SQLite again and again, ever more rarely: who has waited longest asks least, and may
be too late for ever. Here only the first of the queue asks, and often. decisions/004.
"""

import fcntl
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

PAUSE_SECONDS = 0.001  # of the only one who asks; a transaction takes a few of these


class DatabaseWrapper(base.DatabaseWrapper):
    """Begins a transaction once all who asked before have begun theirs, or have given up."""

    def _start_transaction_under_autocommit(self) -> None:
        patience = self.settings_dict["OPTIONS"]["timeout"]
        until = time.monotonic() + patience  # the wait in the queue counts
        with self._turn():
            self._wait_at_most(0)
            try:
                while not self._began(is_last_try=time.monotonic() >= until):
                    time.sleep(PAUSE_SECONDS)
            finally:
                self._wait_at_most(patience)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """The head of the queue. The kernel wakes those who wait in the order in which they came.

        It frees what a process held that dies. Each turn opens the file anew: only so do threads exclude
        each other, too.
        """
        queue = os.open(f"{self.settings_dict['NAME']}-queue", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(queue, fcntl.LOCK_EX)
            yield
        finally:
            os.close(queue)

    def _began(self, *, is_last_try: bool) -> bool:
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs lack it
        except OperationalError as error:
            is_busy = getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
            if is_last_try or not is_busy:
                raise
            return False
        return True

    def _wait_at_most(self, seconds: float) -> None:
        self.connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
