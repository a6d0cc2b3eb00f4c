"""Put clicks that can't be read aside. aggregate.py -> here -> Kafka clicks.dlq -> consume -> the admin.

They are acknowledged before the offset moves on, so that none is lost; after a crash one may be sent
twice, and is one row by its origin.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from kafka.errors import KafkaError

from shopsite.events.deadletters import MAX_REASON, ORIGIN_HEADER, REASON_HEADER
from shopsite.events.inbox import position
from shopsite.events.kafka import shared_producer
from shopsite.events.schemas import Unavailable
from shopsite.events.topics import topic_name

ACKNOWLEDGED_WITHIN_S = 10.0


class DeadClick(NamedTuple):
    """A click that can't be read."""

    partition: int
    record: Any  # Kafka's
    reason: str


def send_dead_clicks(dead: Sequence[DeadClick]) -> None:
    """Send them to the dead-letter topic, with the reason and where they came from.

    Raises Unavailable where Kafka does not acknowledge all of them.
    """
    producer = shared_producer()
    try:
        sent = [
            producer.send(
                topic_name("clicks.dlq"),
                key=record.key or b"",  # kafka-python takes no message without a key and a value
                value=record.value,
                headers=[
                    *(
                        (name, value or b"")
                        for name, value in record.headers or ()
                        if name not in (REASON_HEADER, ORIGIN_HEADER)
                    ),
                    (REASON_HEADER, reason[:MAX_REASON].encode()),
                    (ORIGIN_HEADER, position("clicks", partition, record.offset).encode()),
                ],
            )
            for partition, record, reason in dead
        ]
        producer.flush(ACKNOWLEDGED_WITHIN_S)
        for future in sent:
            future.get(ACKNOWLEDGED_WITHIN_S)
    except KafkaError as error:
        raise Unavailable(f"dead clicks are not acknowledged: {error}") from error
