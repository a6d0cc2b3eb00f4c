"""The limit: how fast PostgreSQL takes the very rows that an order becomes, by COPY, with nothing else to do.

The rows are those that the shop has just written, read back batch by batch; then the tables are emptied and
two connections write them again, a transaction a batch. Nothing is computed meanwhile, not even a row's text.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg

BATCH = 500
WRITERS = 2
# What makes up the rows of some orders, by table, in the order of writing. %s: their ids.
TABLES = {
    "events_inboxevent": "SELECT * FROM events_inboxevent WHERE key = ANY(%s)",
    "orders_order": "SELECT * FROM orders_order WHERE order_id = ANY(%s)",
    "orders_line": "SELECT * FROM orders_line WHERE order_id = ANY(%s)",
    "orders_transition": "SELECT * FROM orders_transition WHERE order_id = ANY(%s)",
    "inventory_movement": "SELECT * FROM inventory_movement WHERE order_id = ANY(%s)",
    "events_outboxevent": "SELECT * FROM events_outboxevent WHERE event_id IN ("
    " SELECT event_id FROM inventory_movement WHERE order_id = ANY(%s)"
    " UNION ALL SELECT event_id FROM orders_transition WHERE order_id = ANY(%s)"
    " UNION ALL SELECT 'order_paid:' || order_id FROM orders_order WHERE order_id = ANY(%s))",
}
Batch = Sequence[tuple[str, bytes]]  # table, text


def measure() -> tuple[float, float]:
    """(orders a second, rows an order) by COPY alone, of the orders that are in the database now."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        ids = [row[0] for row in connection.execute("SELECT order_id FROM orders_order ORDER BY order_id")]
        batches = [_dump(connection, ids[at : at + BATCH]) for at in range(0, len(ids), BATCH)]
        connection.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    begun = time.perf_counter()
    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(_write, [batches[number::WRITERS] for number in range(WRITERS)]))
    seconds = time.perf_counter() - begun
    rows = sum(text.count(b"\n") for batch in batches for _, text in batch)
    return len(ids) / seconds, rows / len(ids)


def _dump(connection: "psycopg.Connection[tuple[object, ...]]", ids: list[str]) -> Batch:
    with connection.cursor() as cursor:
        return [(table, _text(cursor, query, ids)) for table, query in TABLES.items()]


def _text(cursor: "psycopg.Cursor[tuple[object, ...]]", query: str, ids: list[str]) -> bytes:
    with cursor.copy(f"COPY ({query}) TO STDOUT", [ids] * query.count("%s")) as copy:
        return b"".join(bytes(block) for block in copy)


def _write(batches: Sequence[Batch]) -> None:
    """A writer: each batch in a transaction of its own."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection, connection.cursor() as cursor:
        for batch in batches:
            for table, text in batch:
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(text)
            connection.commit()
