"""What of an order is to be looked up in Kafka. Order, Lead, Transition -> here -> log.py."""

from datetime import timedelta

from orders.models import Lead, Order, Transition
from shopsite.events.models import OutboxEvent
from shopsite.way.entries import MAX_ROWS
from shopsite.way.log import Wanted

VISIT = timedelta(minutes=30)  # before an order whose visit's beginning is not known
AFTERWARDS = timedelta(minutes=1)


def events_of(order_id: str) -> Wanted | None:
    """The order's events whose place the outbox does not tell any more; None where there are none."""
    known = OutboxEvent.objects.filter(topic="orders", key=order_id, published_at__isnull=False)
    told = set(known.values_list("event_id", flat=True)[:MAX_ROWS])
    rows = Transition.objects.filter(order=order_id, event_id__gt="").order_by("pk")[:MAX_ROWS]
    missing = [(row.event_id, row.at) for row in rows if row.event_id not in told and not row.origin]
    if not missing:
        return None
    return Wanted(
        topic="orders",
        key=order_id,
        times=[at for _, at in missing],
        ids=frozenset(event_id for event_id, _ in missing),
    )


def clicks_of(order: Order) -> Wanted | None:
    """The clicks of the visit that ended in the order; None where it is not known."""
    if not (order.user_id and order.session_id):
        return None
    lead = Lead.objects.filter(order=order).first()
    return Wanted(
        topic="clicks",
        key=order.user_id,
        times=[lead.at if lead else order.placed_at - VISIT],
        until=order.placed_at + AFTERWARDS,
        session=order.session_id,
    )
