"""Raw events, one JSON message a line, as they stand in our topics. Lines -> here -> the same events.

Which topic one belongs to is known by its fields. Events keep their own ids, so that a recording of this
shop changes nothing in it; one without gets the recording's. Orders arrive as paid elsewhere. What
became of an order (`order_paid` ...) is told by the order worker alone, so such lines are skipped.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from shopsite.events.schemas import OrderPlaced, PoisonEvent, order_type, read_click, read_order, read_stock
from shopsite.traffic.recordings import MOST_AHEAD, InvalidLine, Recorded, Recording, Tally


class _Shape(msgspec.Struct, gc=False):
    """The fields that tell the topics apart."""

    order_id: str | int | float | None = None
    product_ids: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    quantity_change: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    user_id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_shape = msgspec.json.Decoder(_Shape)


def recognises(sample: Sequence[str]) -> bool:
    """Whether one of a file's first lines is a message of one of our topics."""
    for line in sample:
        try:
            if _topic(line):
                return True
        except InvalidLine:
            continue
    return False


def read(recording: Recording, tally: Tally) -> Iterator[Recorded]:
    """The events of a recording, one a line."""
    now = recording.latest - MOST_AHEAD
    for number, text in recording.lines():
        tally.lines += 1
        try:
            if event := _event(recording, tally, number, text, now):
                yield event
        except (InvalidLine, PoisonEvent) as error:
            tally.reject(number, str(error))


def _topic(text: str) -> str:
    """The topic of a message. Raises InvalidLine where it can be none of ours."""
    try:
        shape = _shape.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidLine(f"not a message: {error}") from None
    if shape.quantity_change is not msgspec.UNSET:
        return "inventory"
    if shape.product_ids is not msgspec.UNSET and shape.order_id is not None:
        return "orders"
    if shape.user_id is not msgspec.UNSET:
        return "clicks"
    raise InvalidLine("neither a click, an order nor a stock event")


def _event(recording: Recording, tally: Tally, number: int, text: str, now: datetime) -> Recorded | None:
    """The event of one line; None for a message that only our own order worker may send."""
    topic, value, origin = _topic(text), text.encode(), recording.event_id(number)
    if topic == "clicks":
        click = read_click(value, origin=origin, now=now)
        return Recorded(topic, click.user_id, click, number)
    if topic == "inventory":
        change = read_stock(value, origin=origin, now=now)
        return Recorded(topic, change.product_id, change, number)
    if (kind := order_type(value)) != "order_placed":
        tally.skip(number, f"{kind}: only the order worker tells what became of an order")
        return None
    order = read_order(value, origin=origin, now=now)
    assert isinstance(order, OrderPlaced)  # order_type said so
    if order.status in (None, "placed"):
        order = replace(order, status="paid", email=None)
    return Recorded(topic, order.order_id, order, number)
