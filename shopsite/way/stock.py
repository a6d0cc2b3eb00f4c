"""What was kept for the order, and what it took and gave back. inventory.* -> here."""

from collections.abc import Iterable

from django.urls import reverse

from inventory.models import Movement, Reservation
from shopsite.way.entries import MAX_ROWS, Ahead, Entry, Subject


def happened(subject: Subject) -> Iterable[Entry | Ahead]:
    """The ledger's rows, and how long units are still kept."""
    for row in Movement.objects.filter(order_id=subject.order_id).order_by("pk")[:MAX_ROWS]:
        way = "left the shelf" if row.change < 0 else "went back on the shelf"
        told = f" It happened at {row.at:%Y-%m-%d %H:%M} UTC." if abs(row.created_at - row.at).days else ""
        yield Entry(
            at=row.created_at,
            kind="stock",
            what=f"{abs(row.change):,} of {row.product_id} {way} ({row.reason}).{told}",
            source=" · ".join(filter(None, (f"ledger {row.pk}", row.origin, row.event_id))),
            detail=f"by {row.actor}",
            link=reverse("admin:inventory_movement_change", args=[row.pk]),
        )
    for kept in Reservation.objects.filter(order_id=subject.order_id).order_by("product_id")[:MAX_ROWS]:
        if kept.state == Reservation.State.OPEN:
            yield Ahead(
                f"{kept.quantity:,} of {kept.product_id} are kept for it; if it is not paid by then, they "
                f"are given back and the order is cancelled (reservation {kept.pk}).",
                kept.expires_at,
            )
