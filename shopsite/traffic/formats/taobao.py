"""Taobao's user behaviour. Lines of user, item, category, behaviour, seconds -> here -> clicks, orders.

The file has no header and is sorted by user, not by time. `buy` is an order of one unit without a price,
paid elsewhere.
"""

from collections.abc import Iterator, Sequence

from shopsite.events.schemas import Click, ClickType
from shopsite.traffic.formats.fields import choice, columns, epoch, identifier, whole
from shopsite.traffic.formats.unpriced import order_of_one
from shopsite.traffic.recordings import InvalidLine, Recorded, Recording, Tally

KINDS: dict[str, ClickType | None] = {
    "pv": "view_item",
    "cart": "add_to_cart",
    "fav": "add_to_wishlist",
    "buy": None,  # an order, not a click
}


def recognises(sample: Sequence[str]) -> bool:
    """Whether one of a file's first lines is of this format."""
    return any(
        len(cells := line.split(",")) == 5 and cells[3] in KINDS and cells[4].lstrip("-").isdecimal()
        for line in sample
    )


def read(recording: Recording, tally: Tally) -> Iterator[Recorded]:
    """The events of a recording, one a line."""
    for number, text in recording.lines():
        tally.lines += 1
        try:
            yield _event(recording, number, columns(text))
        except InvalidLine as error:
            tally.reject(number, str(error))


def _event(recording: Recording, number: int, cells: list[str]) -> Recorded:
    """The event of one line."""
    if len(cells) != 5:
        raise InvalidLine(f"{len(cells)} columns, 5 are needed")
    user = identifier(cells[0], "user_id")
    product = identifier(cells[1], "item_id")
    kind = choice(cells[3], "behavior", KINDS)
    at = epoch(whole(cells[4], "timestamp"), "timestamp", recording.latest)
    if kind is None:
        order = order_of_one(
            recording, name=f"taobao-{number}", line=number, user=user, product=product, at=at
        )
        return Recorded("orders", order.order_id, order, number)
    click = Click(
        event_id=recording.event_id(number),
        type=kind,
        user_id=user,
        product_id=product,
        category=cells[2][:200] or None,
        timestamp=at,
    )
    return Recorded("clicks", user, click, number)
