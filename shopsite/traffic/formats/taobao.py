"""Taobao's user behaviour. Lines of user, item, category, behaviour, seconds -> here -> clicks, orders.

The file has no header and is sorted by user, not by time. `buy` is an order of one unit without a price,
paid elsewhere; `fav` (a wish list) is no event of ours and is skipped.
"""

from collections.abc import Iterator, Sequence

from shopsite.events.schemas import Click, ClickType
from shopsite.traffic.formats.fields import choice, columns, epoch, identifier, whole
from shopsite.traffic.formats.unpriced import order_of_one
from shopsite.traffic.recordings import InvalidLine, Recorded, Recording, Tally

KINDS: dict[str, ClickType | None] = {"pv": "view_item", "cart": "add_to_cart", "buy": None, "fav": None}


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
            if event := _event(recording, tally, number, columns(text)):
                yield event
        except InvalidLine as error:
            tally.reject(number, str(error))


def _event(recording: Recording, tally: Tally, number: int, cells: list[str]) -> Recorded | None:
    """The event of one line; None where it is none of ours."""
    if len(cells) != 5:
        raise InvalidLine(f"{len(cells)} columns, 5 are needed")
    user = identifier(cells[0], "user_id")
    product = identifier(cells[1], "item_id")
    kind = choice(cells[3], "behavior", KINDS)
    at = epoch(whole(cells[4], "timestamp"), "timestamp", recording.latest)
    if cells[3] == "fav":
        tally.skip(number, "fav: a wish list is no event of a shop here")
        return None
    if kind is None:
        order = order_of_one(
            recording, name=f"taobao-{number}", line=number, user=user, product=product, at=at
        )
        return Recorded("orders", order.order_id, order, number)
    click = Click(
        event_id=recording.event_id(number), type=kind, user_id=user, product_id=product, timestamp=at
    )
    return Recorded("clicks", user, click, number)
