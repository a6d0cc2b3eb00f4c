"""Plain orders of another system, from Kafka to `paid`: reserved, charged through the gateway, settled."""

import time
from collections import Counter
from collections.abc import Collection, Iterable

from selling.elsewhere import make_messages, send
from selling.elsewhere import paid as count_paid

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
    """Milliseconds from produced to the commit that made them paid, of orders that come at a steady rate.

    One that was not paid in time counts as if it had been paid at the end.
    """
    from shopsite.events.kafka import close_quietly, make_producer
    from shopsite.events.topics import topic_name

    messages = make_messages(int(per_second * seconds), seed=8, status=None)
    sent: dict[str, float] = {}
    before = count_paid()
    producer, topic = make_producer(linger_ms=0), topic_name("orders")
    producer.partitions_for(topic)
    begun = time.perf_counter()
    for number, (key, value) in enumerate(messages):
        if (wait := begun + number / per_second - time.perf_counter()) > 0:
            time.sleep(wait)
        sent[key.decode()] = time.time()
        producer.send(topic, key=key, value=value)
    close_quietly(producer, timeout=10)
    until = time.perf_counter() + GIVE_UP_SECONDS
    while count_paid() - before < len(sent) and time.perf_counter() < until:
        time.sleep(0.2)
    end, paid_at = time.time(), committed(sent)
    if late := sent.keys() - paid_at.keys():
        print(
            f"  {len(late):,} of {len(sent):,} orders were not paid {GIVE_UP_SECONDS:.0f} s after the last:",
            *where_they_are(late),
            sep="\n    ",
            flush=True,
        )
    return sorted((paid_at.get(order_id, end) - at) * 1000 for order_id, at in sent.items())


def committed(order_ids: Iterable[str]) -> dict[str, float]:
    """When the transaction committed that made an order paid, in Unix seconds, by the server's own record."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT order_id, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8"
            " FROM orders_transition WHERE to_status = 'paid' AND order_id = ANY(%s)",
            [list(order_ids)],
        )
        return dict(cursor.fetchall())


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
