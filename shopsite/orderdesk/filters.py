"""The order list by queue, with counts. The admin's filter -> queues.py."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from orders.models import Order
from shopsite.desk import QuickList
from shopsite.desk.counts import capped_text
from shopsite.orderdesk import queues

PARAMETER = "queue"


def chosen(request: HttpRequest) -> str:
    """The queue that a list's address names, "" where it names none."""
    name = request.GET.get(PARAMETER, "")
    return name if name in queues.QUEUES or name == queues.ATTENTION else ""


class QueueFilter(admin.SimpleListFilter):
    """To pack, to ship, needs attention and why, each with its capped count."""

    title = "queue"
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """Each queue with how many orders wait in it."""
        counted = queues.counts()

        def named(queue: queues.Queue) -> tuple[str, str]:
            return queue.name, f"{queue.title} ({capped_text(counted[queue.name], queues.MAX_COUNTED)})"

        return [
            *map(named, queues.WORK),
            (queues.ATTENTION, "Needs attention"),
            *((name, f"– {text}") for name, text in map(named, queues.REASONS)),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        """The orders of the queue that was chosen."""
        name = self.value() or ""
        if name == queues.ATTENTION:
            return queryset.filter(pk__in=list(reasons_of(request)))
        if name in queues.QUEUES:
            rows = queues.QUEUES[name].rows(timezone.now())
            both: QuerySet[Order] = queryset & rows.order_by()
            return both
        return queryset


def reasons_of(request: HttpRequest) -> dict[str, list[str]]:
    """Why orders need attention, asked once a request."""
    found: dict[str, list[str]] | None = getattr(request, "_attention", None)
    if found is None:
        found = queues.attention(timezone.now())
        request._attention = found  # type: ignore[attr-defined]  # once a request, and no longer
    return found


class QueueList(QuickList):
    """A page of orders of which each row of a queue says why it is there."""

    def get_results(self, request: HttpRequest) -> None:
        """Load the page; then put the reasons beside its rows."""
        super().get_results(request)
        name, now = chosen(request), timezone.now()
        if name:
            self.result_list = list(self.result_list)
            for order in self.result_list:
                names = reasons_of(request).get(order.pk, []) if name == queues.ATTENTION else [name]
                order.why = queues.why(order, names, now)
