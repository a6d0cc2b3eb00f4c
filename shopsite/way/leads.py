"""The click that brought the visit. orders.Lead -> here."""

from collections.abc import Iterable

from orders.models import Lead
from shopsite.way.entries import Entry, Subject

CLICKS = {
    "view_item": "looked at a product",
    "view_item_list": "looked at a shelf",
    "search": "searched",
    "page_view": "opened a page",
    "view_cart": "opened the cart",
}


def happened(subject: Subject) -> Iterable[Entry]:
    """How the visit began."""
    for lead in Lead.objects.filter(order=subject.order_id):
        came = [f"from {lead.referrer}"] if lead.referrer else ["without a referrer"]
        came += [f"campaign {lead.campaign}"] if lead.campaign else []
        yield Entry(
            at=lead.at,
            kind="click",
            what=f"The visit began: the shopper {CLICKS.get(lead.type, lead.type)}, {lead.path}.",
            detail=", ".join(came),
            source=f"click {lead.event_id}",
        )
