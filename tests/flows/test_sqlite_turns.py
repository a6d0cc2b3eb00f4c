"""On SQLite who asked first begins first, and who dies or waits too long holds up nobody."""

import fcntl
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import OperationalError, connection, transaction

from shopsite.sqlite import base

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL has a queue of its own"),
]
HOLD = """
import fcntl, sys
queue = open(sys.argv[1], "a")
fcntl.flock(queue, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""


def database() -> str:
    return str(connection.settings_dict["NAME"])


def patience_ms() -> int:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout")
        return int(cursor.fetchone()[0])


def waiting() -> int:
    """How many wait for their turn, as the kernel tells."""
    inode = f":{Path(database() + '-queue').stat().st_ino} "
    return sum("-> FLOCK" in line and inode in line for line in Path("/proc/locks").read_text().splitlines())


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells who waits")
def test_who_asked_first_begins_first() -> None:
    began: list[int] = []

    def begin(number: int) -> None:
        with transaction.atomic():
            began.append(number)
        connection.close()

    threads = [threading.Thread(target=begin, args=[number]) for number in range(12)]
    with Path(f"{database()}-queue").open("a") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        for number, thread in enumerate(threads, start=1):
            thread.start()
            while waiting() < number:
                assert thread.is_alive()
    for thread in threads:
        thread.join()
    assert began == list(range(12))


def test_a_process_that_is_killed_at_the_head_of_the_queue_frees_it() -> None:
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, f"{database()}-queue"], stdin=pipe, stdout=pipe
    ) as head:
        assert head.stdout is not None
        head.stdout.readline()
        head.kill()
    with transaction.atomic():
        pass


def test_a_wait_ends_when_patience_does_and_the_next_transaction_is_as_patient(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, clock = patience_ms(), iter(range(0, 1_000, 20))
    writer = sqlite3.connect(database(), isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    with monkeypatch.context() as patch:
        # each look at the clock takes 20 of 30 seconds
        patch.setattr(base, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=time.sleep))
        with pytest.raises(OperationalError, match="database is locked"), transaction.atomic():
            pass
    writer.execute("ROLLBACK")
    writer.close()
    with transaction.atomic():
        assert patience_ms() == before
