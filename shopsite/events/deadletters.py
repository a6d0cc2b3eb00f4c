"""Messages that cannot be processed, kept aside and sent again. consume, drain -> <topic>.dlq -> here.

A dead letter is made in the transaction that sets its message aside, so that it is told exactly once;
consume reads it back from its topic into DeadLetter, where the admin and `deadletters` find it.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from typing import Final

from django.db import transaction
from django.utils import timezone

from shopsite.events.inbox import EVENT_ID_HEADER, SEQ_HEADER, position
from shopsite.events.models import DeadLetter, OutboxEvent
from shopsite.events.outbox import forward, storable
from shopsite.events.topics import DEAD

log = logging.getLogger(__name__)
REASON_HEADER: Final = "reason"
ORIGIN_HEADER: Final = "origin"  # "topic:partition:offset" of the bad message
RESENT_HEADER: Final = "resent"
MAX_REASON: Final = 500
_OURS: Final = frozenset({REASON_HEADER, ORIGIN_HEADER, SEQ_HEADER, RESENT_HEADER})
_ORIGIN: Final = re.compile(r"^([a-z.]{1,64}):(\d{1,9}):(\d{1,18})$")

Headers = Iterable[tuple[str, bytes | None]]


def dead_letter_row(
    *,
    topic: str,
    partition: int,
    offset: int,
    reason: str,
    key: str,
    value: bytes | None,
    headers: Mapping[str, str],
) -> OutboxEvent:
    """The outbox row that puts a message of a topic aside; save it with what is decided by it."""
    origin = position(topic, partition, offset)
    log.warning("dead letter %s: %s", origin, reason)
    return OutboxEvent(
        topic=topic + DEAD,
        key=storable(key, 200),
        event_id=origin,
        value=value,
        headers={
            **{name: text for name, text in headers.items() if name not in _OURS},
            REASON_HEADER: storable(reason, MAX_REASON),
            ORIGIN_HEADER: origin,
        },
        own=False,
    )


def keep_dead_letters(letters: Iterable[DeadLetter]) -> None:
    """Store what was read from the dead-letter topics; one that is there already stays as it is."""
    DeadLetter.objects.bulk_create(letters, ignore_conflicts=True)


def as_dead_letter(
    topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None, headers: Headers
) -> DeadLetter:
    """A message of a dead-letter topic as its row.

    It stands under where the bad message came from; where nobody says so, under where it was read itself.
    """
    texts = headers_as_text(headers)
    found = _ORIGIN.match(texts.get(ORIGIN_HEADER, ""))
    where = (found[1], int(found[2]), int(found[3])) if found else (topic, partition, offset)
    return DeadLetter(
        topic=where[0],
        partition=where[1],
        offset=where[2],
        reason=texts.get(REASON_HEADER, "not told"),
        key=storable((key or b"").decode("utf-8", "replace"), 1000),
        value=value,
        headers={name: text for name, text in texts.items() if name not in _OURS},
    )


def headers_as_text(headers: Headers) -> dict[str, str]:
    """Kafka headers as any database takes them; a repeated name keeps its last value."""
    return {
        storable(name, 200): storable((value or b"").decode("utf-8", "replace"), 2000)
        for name, value in headers
    }


def send_again(letter: DeadLetter, value: bytes | None = None) -> None:
    """Send a dead letter to its topic again, mended where a value is given.

    It keeps the event_id that it had: however often it is sent, its effect comes once.
    Raises ValueError for a message without a value, which cannot be processed by anybody.
    """
    mended = value if value is not None else letter.value
    if mended is None:
        raise ValueError(f"Dead letter {letter} has no value: give it one, or leave it")
    with transaction.atomic():
        event_id = letter.headers.get(EVENT_ID_HEADER) or str(letter)
        forward(
            letter.topic.removesuffix(DEAD),
            key=letter.key,
            event_id=event_id,
            value=bytes(mended),
            headers={RESENT_HEADER: str(letter)},
        )
        letter.resent_at = timezone.now()
        letter.save(update_fields=["resent_at"])
