"""A shop's click stream in the REES46 format. CSV lines -> here -> clicks, and orders of one unit.

A purchase is an order that was paid elsewhere, in USD, also where its price is 0. There are purchases
without a cart, sessions of two users and exact duplicates: each line is an event of its own.
"""

from collections.abc import Iterator, Sequence

from shopsite.events.schemas import Click, ClickType, OrderLine, OrderPlaced
from shopsite.traffic.formats.fields import choice, columns, identifier, moment, money, positions
from shopsite.traffic.recordings import InvalidLine, Recorded, Recording, Tally

CURRENCY = "USD"
COLUMNS = ("event_time", "event_type", "product_id", "price", "user_id", "user_session")
KINDS: dict[str, ClickType | None] = {
    "view": "view_item",
    "cart": "add_to_cart",
    "remove_from_cart": "remove_from_cart",
    "purchase": None,  # an order, not a click
}


def recognises(sample: Sequence[str]) -> bool:
    """Whether the first lines of a file are of this format."""
    return bool(sample) and positions(sample[0], COLUMNS) is not None


def read(recording: Recording, tally: Tally) -> Iterator[Recorded]:
    """The events of a recording, one a line."""
    numbered = recording.lines()
    where = positions(next(numbered)[1], COLUMNS) or []
    for number, text in numbered:
        tally.lines += 1
        try:
            cells = columns(text)
            if len(cells) <= max(where):
                raise InvalidLine(f"{len(cells)} columns, {max(where) + 1} are needed")
            yield _event(recording, number, [cells[at] for at in where])
        except InvalidLine as error:
            tally.reject(number, str(error))


def _event(recording: Recording, number: int, row: list[str]) -> Recorded:
    """The event of one line, whose cells are in the order of COLUMNS."""
    at = moment(row[0], "event_time", recording.latest)
    kind = choice(row[1], "event_type", KINDS)
    product = identifier(row[2], "product_id")
    user = identifier(row[4], "user_id")
    session = identifier(row[5], "user_session") if row[5] else None
    if kind is not None:
        click = Click(
            event_id=recording.event_id(number),
            type=kind,
            user_id=user,
            product_id=product,
            session_id=session,
            timestamp=at,
        )
        return Recorded("clicks", user, click, number)
    price = money(row[3], "price")
    if price < 0:
        raise InvalidLine(f"price {price} is below 0")
    order = OrderPlaced(
        event_id=recording.event_id(number),
        order_id=recording.scoped(f"rees46-{number}"),
        user_id=user,
        product_ids=[product],
        lines=[OrderLine(product_id=product, quantity=1, price=price)],
        amount=price,
        currency=CURRENCY,
        status="paid",
        session_id=session,
        timestamp=at,
    )
    return Recorded("orders", order.order_id, order, number)
