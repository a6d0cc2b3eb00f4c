"""Delete what the outbox and the inbox no longer need. The periodic task -> here."""

from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from shopsite.events.models import InboxEvent, InboxState, OutboxEvent

CHUNK: Final = 1_000  # rows a transaction: nobody waits long for SQLite's write lock


def trim_outbox() -> int:
    """Delete rows published more than settings.KEEP_OUTBOX_DAYS ago; how many. Refused ones stay."""
    before = timezone.now() - timedelta(days=settings.KEEP_OUTBOX_DAYS)
    return delete(OutboxEvent.objects.filter(published_at__lt=before))


def trim_inbox() -> int:
    """Delete rows settled more than settings.KEEP_INBOX_DAYS ago; how many."""
    before = timezone.now() - timedelta(days=settings.KEEP_INBOX_DAYS)
    settled = Q(state=InboxState.DONE) | Q(state=InboxState.DEAD)
    return delete(InboxEvent.objects.filter(settled, done_at__lt=before))


def delete(rows: QuerySet[Any]) -> int:
    """Delete rows, oldest first, few in a transaction; how many."""
    model: type[Model] = rows.model
    total = 0
    while ids := list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        total += model._default_manager.filter(pk__in=ids).delete()[0]
    return total
