"""The bank's memory: one SQLite file, on the disk before anybody is answered. app.py -> here.

One thread works for all: what came in while it wrote is written together, so many callers share one fsync.
"""

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

R = TypeVar("R")
Work = Callable[[sqlite3.Connection], Any]
Job = tuple[Work, "asyncio.Future[Any]"]
AT_ONCE = 256  # pieces of work in one commit
SCHEMA = """
CREATE TABLE IF NOT EXISTS payment (
    account TEXT, key TEXT, id TEXT UNIQUE NOT NULL, token TEXT NOT NULL, amount TEXT NOT NULL,
    currency TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, return_url TEXT NOT NULL,
    webhook_url TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refund (
    account TEXT, key TEXT, payment TEXT NOT NULL, id TEXT NOT NULL, amount TEXT NOT NULL,
    PRIMARY KEY (account, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refund_of_payment ON refund (account, payment);
CREATE TABLE IF NOT EXISTS event (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL, payment TEXT NOT NULL, kind TEXT NOT NULL,
    then_state TEXT NOT NULL, created REAL NOT NULL, due REAL, tries INTEGER NOT NULL, forge INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS event_due ON event (due) WHERE due IS NOT NULL;
CREATE TABLE IF NOT EXISTS asked (
    account TEXT, payment TEXT, kind TEXT, times INTEGER NOT NULL, PRIMARY KEY (account, payment, kind)
) WITHOUT ROWID;
"""


class Store:
    """Work on the file, a commit at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, args=(path,), name="store", daemon=True)
        self._thread.start()

    async def do(self, work: Callable[[sqlite3.Connection], R]) -> R:
        """What the work returns, once it is on the disk; what it raises, with nothing of it written."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._jobs.put((work, future))
        return await future

    def close(self) -> None:
        """Finish what was asked for."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self, path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA}")
        connection.row_factory = sqlite3.Row
        while (jobs := self._waiting()) is not None:
            self._commit(connection, jobs)
        connection.close()

    def _waiting(self) -> list[Job] | None:
        """Everything that waits, at least one; None when it is over."""
        jobs = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if self._jobs.empty() or len(jobs) == AT_ONCE:
                return jobs
            job = self._jobs.get()
        self._jobs.put(None) if jobs else None
        return jobs or None

    def _commit(self, connection: sqlite3.Connection, jobs: list[Job]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        answers = [(future, *_tried(connection, work)) for work, future in jobs]
        connection.execute("COMMIT")
        for future, value, error in answers:
            future.get_loop().call_soon_threadsafe(_tell, future, value, error)


def _tried(connection: sqlite3.Connection, work: Work) -> tuple[Any, Exception | None]:
    """(result, None) or (None, error); an error takes back what the work wrote, and nothing else."""
    connection.execute("SAVEPOINT work")
    try:
        value = work(connection)
    except Exception as error:
        connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        return None, error
    connection.execute("RELEASE work")
    return value, None


def _tell(future: "asyncio.Future[Any]", value: object, error: Exception | None) -> None:
    if future.done():
        return  # the caller has gone
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)
