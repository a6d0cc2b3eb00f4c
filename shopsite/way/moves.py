"""Each step of the order itself: who, why, by which event. orders.Transition -> here."""

from collections.abc import Iterable, Mapping

from orders.models import Transition
from orders.states import NEW, Status
from shopsite.way.entries import MAX_ROWS, Entry, Subject

TONES: Mapping[str, str] = {
    Status.PAID: "good",
    Status.DELIVERED: "good",
    Status.PAYMENT_FAILED: "bad",
    Status.REJECTED: "bad",
    Status.BACKORDERED: "warn",
    Status.CANCELLED: "warn",
}


def happened(subject: Subject) -> Iterable[Entry]:
    """Its history."""
    for row in Transition.objects.filter(order=subject.order_id).order_by("pk")[:MAX_ROWS]:
        to = row.get_to_status_display().lower()
        came = "The order began as" if row.from_status == NEW else "The order became"
        yield Entry(
            at=row.at,
            kind="order",
            what=f"{came} {to}{f': {row.why}' if row.why else ''}.".replace("..", "."),
            detail=f"by {row.actor}",
            source=" · ".join(filter(None, (f"history {row.pk}", row.origin, row.event_id))),
            tone=TONES.get(row.to_status, ""),
        )
