"""The purchase of a recording that knows no prices. taobao.py, otto.py -> here -> OrderPlaced."""

from datetime import datetime
from decimal import Decimal

from shopsite.events.schemas import OrderLine, OrderPlaced
from shopsite.traffic.recordings import Recording


def order_of_one(
    recording: Recording,
    *,
    name: str,
    line: int,
    part: int = 0,
    user: str,
    product: str,
    at: datetime,
    session: str | None = None,
) -> OrderPlaced:
    """One unit, paid elsewhere: its amount is 0 and its price null, since none was recorded.

    name: of the order within the recording.
    """
    return OrderPlaced(
        event_id=recording.event_id(line, part),
        order_id=recording.scoped(name),
        user_id=user,
        product_ids=[product],
        lines=[OrderLine(product_id=product, quantity=1)],
        amount=Decimal(0),
        status="paid",
        session_id=session,
        timestamp=at,
    )
