"""Shopping sessions of OTTO. Lines of {"session", "events"} -> here -> clicks, and orders of one unit.

Times are milliseconds. Lines are in the order of the sessions' beginnings, so their events overlap. A
session is also the user, since the data name no other.
"""

from collections.abc import Iterator, Sequence

import msgspec

from shopsite.events.schemas import Click, ClickType
from shopsite.traffic.formats.fields import choice, epoch
from shopsite.traffic.formats.unpriced import order_of_one
from shopsite.traffic.recordings import InvalidLine, Recorded, Recording, Tally

KINDS: dict[str, ClickType | None] = {"clicks": "view_item", "carts": "add_to_cart", "orders": None}


class _Action(msgspec.Struct, gc=False):
    """One event of a session."""

    aid: int  # the product
    ts: int  # milliseconds
    type: str


class _Session(msgspec.Struct):
    """One line."""

    session: int
    events: list[msgspec.Raw]  # each read on its own, so that a bad one costs no other


_session = msgspec.json.Decoder(_Session)
_action = msgspec.json.Decoder(_Action)


def recognises(sample: Sequence[str]) -> bool:
    """Whether one of a file's first lines is of this format."""
    for line in sample:
        try:
            _session.decode(line)
        except msgspec.MsgspecError:
            continue
        return True
    return False


def read(recording: Recording, tally: Tally) -> Iterator[Recorded]:
    """The events of a recording, line by line; an invalid event is named by its line and place."""
    for number, text in recording.lines():
        tally.lines += 1
        try:
            session = _session.decode(text)
        except (msgspec.MsgspecError, RecursionError) as error:
            tally.reject(number, f"no session of OTTO: {error}")
            continue
        for part, raw in enumerate(session.events, start=1):
            try:
                yield _event(recording, number, part, str(session.session), _action.decode(raw))
            except (InvalidLine, msgspec.MsgspecError) as error:
                tally.reject(number, f"event {part}: {error}")


def _event(recording: Recording, number: int, part: int, session: str, action: _Action) -> Recorded:
    """The event of one action."""
    kind = choice(action.type, "type", KINDS)
    at = epoch(action.ts / 1000, "ts", recording.latest)
    product = str(action.aid)
    if kind is None:
        order = order_of_one(
            recording,
            name=f"otto-{number}-{part}",
            line=number,
            part=part,
            user=session,
            session=session,
            product=product,
            at=at,
        )
        return Recorded("orders", order.order_id, order, number)
    click = Click(
        event_id=recording.event_id(number, part),
        type=kind,
        user_id=session,
        session_id=session,
        product_id=product,
        timestamp=at,
    )
    return Recorded("clicks", session, click, number)
