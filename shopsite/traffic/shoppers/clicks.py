"""An act of a shopper as the click that the storefront would have told. visits.py -> here -> Kafka."""

from datetime import datetime

from django.conf import settings

from shopsite.events.referrers import source_of
from shopsite.events.schemas import Click
from shopsite.traffic.shoppers.people import Person
from shopsite.traffic.shoppers.visits import Act


def click(act: Act, person: Person, *, at: datetime, event_id: str) -> Click:
    """The click. The source and the campaign stand on the first page of a visit only."""
    first = act.pause == 0.0 and act.came_from is None
    referrer = person.source.referrer if first else None
    return Click(
        event_id=event_id,
        type=act.type,
        user_id=person.user_id,
        session_id=person.session_id,
        product_id=act.product_id,
        timestamp=at,
        path=act.path,
        referrer=f"{settings.SHOP_ORIGIN}{act.came_from}" if act.came_from else referrer,
        campaign=person.source.campaign if first else None,
        device=person.device,
        country=person.country,
        source=source_of(person.source.referrer or ""),
        search=act.search,
        results=act.results,
        category=act.category,
        returning=person.returning,
        bot=person.bot,
    )
