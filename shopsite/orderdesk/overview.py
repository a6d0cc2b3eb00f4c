"""What waits for somebody: every queue, dead letters, stock below zero. Tables -> here -> the first page."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from inventory.models import Level
from shopsite.desk.counts import capped_counts
from shopsite.events.models import DeadLetter
from shopsite.orderdesk.queues import MAX_COUNTED, QUEUES, WORK


@dataclass(frozen=True)
class Notice:
    """A number, and the list behind it."""

    title: str
    about: str
    permission: str
    page: str
    query: str
    is_trouble: bool
    rows: Callable[[], QuerySet[Any]]


@dataclass(frozen=True)
class Found:
    """A notice with how much there is of it, at most MAX_COUNTED + 1."""

    notice: Notice
    count: int


def _of_queues() -> dict[str, Notice]:
    return {
        queue.name: Notice(
            title=queue.title,
            about=queue.about,
            permission="orders.view_order",
            page="admin:orders_order_changelist",
            query=f"?queue={queue.name}",
            is_trouble=queue not in WORK,
            rows=lambda queue=queue: queue.rows(timezone.now()).order_by(),  # type: ignore[misc]
        )
        for queue in QUEUES.values()
    }


NOTICES: Mapping[str, Notice] = _of_queues() | {
    "below_zero": Notice(
        "Stock below zero", "more was sold than there was", "inventory.view_level",
        "admin:catalogue_product_changelist", "?below=zero", True,
        lambda: Level.objects.filter(on_hand__lt=0),
    ),
    "dead_letters": Notice(
        "Dead letters", "messages that could not be processed", "events.view_deadletter",
        "admin:events_deadletter_changelist", "?resent_at__isempty=1", True,
        lambda: DeadLetter.objects.filter(resent_at=None).order_by(),
    ),
}  # fmt: skip


def waiting(may: Callable[[str], bool]) -> list[Found]:
    """Each notice that this person may see, with its count: one query."""
    seen = {name: notice for name, notice in NOTICES.items() if may(notice.permission)}
    counted = capped_counts({name: notice.rows() for name, notice in seen.items()}, MAX_COUNTED)
    return [Found(notice, counted[name]) for name, notice in seen.items()]
