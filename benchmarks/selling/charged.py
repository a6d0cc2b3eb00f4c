"""Plain orders of another system, from Kafka to `paid`: reserved, charged through the gateway, settled."""

import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping

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
    sent: dict[str, float] = {}
    seen, over = Seen(sent, len(messages)), threading.Event()
    watcher = threading.Thread(target=seen.watch, args=(over,))
    watcher.start()
    producer, topic = make_producer(linger_ms=0), topic_name("orders")
    producer.partitions_for(topic)
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
    if late := sent.keys() - seen.at.keys():
        print(
            f"  {len(late):,} of {len(sent):,} orders were not paid {GIVE_UP_SECONDS:.0f} s after the last:",
            *where_they_are(late),
            sep="\n    ",
            flush=True,
        )
    return sorted((seen.at.get(order_id, end) - at) * 1000 for order_id, at in sent.items())


def where_they_are(order_ids: Collection[str]) -> list[str]:
    """How many orders stand where, in words."""
    from orders.models import Payment
    from shopsite.events.models import InboxEvent

    fields = ("state", "tries", "reason", "order__status")
    charges = Counter(Payment.objects.filter(order_id__in=order_ids).values_list(*fields))
    inbox = Counter(InboxEvent.objects.filter(key__in=order_ids).values_list("state", "error"))
    return [
        *(f"{count:,} with a payment that is {' / '.join(map(str, at))}" for at, count in charges.items()),
        *(f"{count:,} in the inbox, {' / '.join(at)}" for at, count in inbox.items()),
    ]


class Seen:
    """When each order was first seen as paid, by looks at the database."""

    def __init__(self, sent: Mapping[str, float], count: int) -> None:
        self.at: dict[str, float] = {}
        self._sent, self._count = sent, count

    def watch(self, over: threading.Event) -> None:
        """Look until all are paid."""
        from django.db import connection

        # By their ids and not by when they changed: that is written before a commit, which may be slow.
        query = "SELECT order_id FROM orders_order WHERE status = 'paid' AND order_id = ANY(%s)"
        with connection.cursor() as cursor:
            while len(self.at) < self._count and not over.is_set():
                cursor.execute(query, [[name for name in list(self._sent) if name not in self.at]])
                now = time.perf_counter()
                self.at |= {order_id: now for (order_id,) in cursor.fetchall()}
                time.sleep(LOOK_SECONDS)
        connection.close()
