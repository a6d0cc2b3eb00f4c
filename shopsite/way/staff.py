"""What colleagues did, or were refused. staff.StaffAction -> here."""

from collections.abc import Iterable

from django.urls import reverse

from shopsite.staff.models import StaffAction
from shopsite.staff.services import ACTIONS
from shopsite.way.entries import MAX_ROWS, Entry, Subject


def happened(subject: Subject) -> Iterable[Entry]:
    """The audit log's rows of this order."""
    rows = StaffAction.objects.filter(kind="order", object_id=subject.order_id).order_by("pk")
    for row in rows[:MAX_ROWS]:
        verb = ACTIONS.get(row.action, row.action).lower()
        said = f"{row.actor}: {verb}." if row.done else f"{row.actor} was refused ({row.action}): {row.what}"
        yield Entry(
            at=row.at,
            kind="staff",
            what=said,
            source=f"audit log {row.pk}",
            detail=" · ".join(filter(None, (row.what if row.done else "", row.why))),
            tone="" if row.done else "warn",
            link=reverse("admin:staff_staffaction_change", args=[row.pk]),
        )
