"""Tell an event in the transaction that decided it. services -> here -> OutboxEvent -> relay.py."""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from django.db import connection, transaction
from django.utils import timezone

from shopsite import bulk
from shopsite.events.models import OutboxEvent
from shopsite.events.schemas import MAX_EVENT_BYTES, encode
from shopsite.events.topics import TOPICS

CHANNEL = "shopsite_outbox"  # PostgreSQL's NOTIFY wakes the relay; SQLite has none, so there it polls


def publish(topic: str, *, key: str, event: msgspec.Struct) -> None:
    """Add one event to the outbox, in the caller's transaction. Raises ValueError as publish_many."""
    publish_many(topic, [(key, event)])


def publish_many(topic: str, events: Iterable[tuple[str, msgspec.Struct]]) -> None:
    """Add (key, event) pairs to the outbox of a topic, in the caller's transaction.

    Raises ValueError for an event without an event_id, or too large to be read back.
    """
    now = timezone.now()
    rows = [_row(topic, key, event, now) for key, event in events]
    if rows:
        bulk.insert(OutboxEvent, ("topic", "key", "event_id", "value", "created_at"), rows)
        wake_relay()


def forward(
    topic: str,
    *,
    key: str,
    event_id: str,
    value: bytes | None,
    headers: Mapping[str, str],
) -> None:
    """Add a message of somebody else as it stands: to a dead-letter topic, or back from one."""
    forward_many(
        [
            OutboxEvent(
                topic=TOPICS[topic].name,
                key=storable(key, 200),
                event_id=event_id,
                value=value,
                headers=dict(headers),
                own=False,
            )
        ]
    )


def forward_many(rows: list[OutboxEvent]) -> None:
    """Add rows made by others' messages, in the caller's transaction."""
    if rows:
        OutboxEvent.objects.bulk_create(rows)
        wake_relay()


def wake_relay() -> None:
    """Have the relay look at once, once the transaction has committed; without this it looks by itself.

    After the commit, not in it: PostgreSQL lets transactions that notify commit one at a time only, each
    with its wait for the disk.
    """
    planned = any(hook[1] is _notify for hook in connection.run_on_commit)
    if connection.vendor == "postgresql" and not planned:
        transaction.on_commit(_notify, robust=True)


def _notify() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")


def storable(text: str, length: int) -> str:
    """The text as any database takes it: no NUL, at most length characters."""
    return text.replace("\0", "\ufffd")[:length]


def _row(topic: str, key: str, event: msgspec.Struct, now: datetime) -> tuple[object, ...]:
    event_id = getattr(event, "event_id", "")
    value = encode(event)
    if not event_id:
        raise ValueError(f"{type(event).__name__} for {topic} has no event_id: give it one that is unique")
    if len(value) > MAX_EVENT_BYTES:
        raise ValueError(f"{type(event).__name__} {event_id} has {len(value):,} bytes: nobody could read it")
    return TOPICS[topic].name, key, event_id, value, now
