"""What the log says of a range of time, one message a line. Kafka -> here -> JSON Lines -> replay.

Written is what counts, in a form that another shop can take: each click and stock event once, each paid order
as one that was paid elsewhere, at the time at which it counted, each refund as one that was made elsewhere.
Stock events of orders are left out, since the orders make them again.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from dashboards.counting.batch import Event, read
from dashboards.counting.log import LogReader, set_aside
from shopsite.events.schemas import Click, OrderChanged, OrderPlaced, StockChanged, encode

TOPICS = ("clicks", "orders", "inventory")


def export(start: datetime, end: datetime, topics: tuple[str, ...], count: Counter[str]) -> Iterator[bytes]:
    """The lines of [start, end), both aware, partition after partition; count: of what there were how many.

    Raises Unavailable where Kafka does not answer.
    """
    with LogReader() as log:
        for topic in topics:
            aside = set_aside(log, topic) if topic == "clicks" else set()
            for partition in log.partitions(topic):
                for event in _events(log, topic, partition, aside):
                    line = _line(event) if start <= event.timestamp < end else None
                    if line is not None:
                        count[topic] += 1
                        yield encode(line) + b"\n"


def _events(log: LogReader, topic: str, partition: int, aside: set[str]) -> Iterator[Event]:
    """What counts of a partition, as `aggregate` reads it: nothing twice that the relay sent twice."""
    seq, known = 0, set[str]()
    for records in log.read(topic, partition, *log.bounds(topic, partition)):
        reading = read(topic, partition, records, seq=seq, now=datetime.now(UTC), aside=aside)
        seq = reading.seq
        yield from reading.events
        for foreign in reading.foreign:  # of others' stock events one an id, as the fence counts them
            if foreign.event.event_id not in known:
                known.add(foreign.event.event_id)
                yield foreign.event


def _line(event: Event) -> Click | OrderPlaced | StockChanged | None:
    """The message that makes the same figures again; None for what follows from another."""
    if isinstance(event, OrderChanged):
        return _order(event)
    if isinstance(event, StockChanged) and event.order_id:
        return None  # the order's own movement
    return event


def _order(event: OrderChanged) -> OrderPlaced | None:
    if event.type not in ("order_paid", "order_refunded"):
        return None
    is_refund = event.type == "order_refunded"
    return OrderPlaced(
        # a refund is a record of its own
        order_id=event.event_id if is_refund else event.order_id,
        user_id=event.user_id,
        product_ids=[line.product_id for line in event.lines],
        lines=event.lines,
        amount=event.amount,
        timestamp=event.timestamp,
        event_id=event.event_id,
        currency=event.currency,
        status="refunded" if is_refund else "paid",
        session_id=event.session_id,
        country=event.country,
        device=event.device,
        source=event.source,
    )
