"""Plain orders of another system, from Kafka to `paid`: reserved, charged through the gateway, settled."""

import threading
import time
from collections.abc import Sequence

from selling.elsewhere import make_messages, send
from selling.elsewhere import paid as count_paid

LOOK_SECONDS = 0.004  # between two looks for orders that are paid by now
GIVE_UP_SECONDS = 20.0


def rate(count: int) -> float:
    """Orders a second to paid, all of them there at once; of what was paid where the time ran out."""
    before = count_paid()
    messages = make_messages(count, seed=7, status=None)
    begun = time.perf_counter()
    send(messages)
    until = begun + GIVE_UP_SECONDS
    while (done := count_paid() - before) < count and time.perf_counter() < until:
        time.sleep(0.05)
    return done / (time.perf_counter() - begun)


def delays(per_second: int, seconds: float) -> list[float]:
    """Milliseconds from produced to seen as paid, of orders that come at a steady rate.

    One that was not seen in time counts as if it had been paid at the end.
    """
    from shopsite.events.kafka import close_quietly, make_producer
    from shopsite.events.topics import topic_name

    messages = make_messages(int(per_second * seconds), seed=8, status=None)
    seen, over = Seen([key.decode() for key, _ in messages]), threading.Event()
    watcher = threading.Thread(target=seen.watch, args=(over,))
    watcher.start()
    producer, topic = make_producer(linger_ms=0), topic_name("orders")
    producer.partitions_for(topic)
    sent: dict[str, float] = {}
    begun = time.perf_counter()
    for number, (key, value) in enumerate(messages):
        if (wait := begun + number / per_second - time.perf_counter()) > 0:
            time.sleep(wait)
        sent[key.decode()] = time.perf_counter()
        producer.send(topic, key=key, value=value)
    close_quietly(producer, timeout=10)
    watcher.join(GIVE_UP_SECONDS)
    over.set()
    watcher.join()
    end = time.perf_counter()
    if late := len(sent) - len(seen.at):
        print(
            f"  {late:,} of {len(sent):,} orders were not paid {GIVE_UP_SECONDS:.0f} s after the last",
            flush=True,
        )
    return sorted((seen.at.get(order_id, end) - at) * 1000 for order_id, at in sent.items())


class Seen:
    """When each order was first seen as paid, by looks at the database."""

    def __init__(self, order_ids: Sequence[str]) -> None:
        self.at: dict[str, float] = {}
        self._wanted = set(order_ids)

    def watch(self, over: threading.Event) -> None:
        """Look until all are paid."""
        from django.db import connection

        query = "SELECT order_id FROM orders_order WHERE status = 'paid' AND changed_at >= %s"
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (since,) = cursor.fetchone()
            while self._wanted and not over.is_set():
                # a second back: a transaction's time is before the moment at which it can be seen
                cursor.execute(query, [since])
                now = time.perf_counter()
                for (order_id,) in cursor.fetchall():
                    if order_id in self._wanted:
                        self._wanted.discard(order_id)
                        self.at[order_id] = now
                cursor.execute("SELECT clock_timestamp() - interval '2 seconds'")
                (since,) = cursor.fetchone()
                time.sleep(LOOK_SECONDS)
        connection.close()
