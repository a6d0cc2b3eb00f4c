"""Change what nothing may change, as somebody with SQL and bad intentions would."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def ledger_unlocked() -> Iterator[None]:
    """PostgreSQL lets the ledger be changed, by SQL."""
    is_guarded = connection.vendor == "postgresql"
    _run("ALTER TABLE inventory_movement DISABLE TRIGGER append_only" if is_guarded else "")
    yield
    _run("ALTER TABLE inventory_movement ENABLE TRIGGER append_only" if is_guarded else "")


def tamper(sql: str) -> int:
    """Run a statement over the ledger; how many rows it touched."""
    with ledger_unlocked():
        return _run(sql)


def _run(sql: str) -> int:
    if not sql:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.rowcount)
