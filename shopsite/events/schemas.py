"""What travels through Kafka, as types: the one place that says what a valid message is.

Kafka bytes -> read_click | read_order | read_stock -> frozen structs -> encode -> Kafka bytes.
docs/schemas/*.json are generated from here (`manage.py schemas`); a test keeps them true.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import force_setattr

MAX_CLICK_BYTES: Final = 64 * 1024
MAX_EVENT_BYTES: Final = 512 * 1024  # orders and stock events
MAX_AHEAD: Final = timedelta(minutes=10)  # clocks of other systems go wrong; further is a broken message
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)  # buckets are keyed by epoch seconds
MAX_AMOUNT: Final = Decimal(1_000_000_000)
TOGETHER: Final = 100  # clicks that are checked at once: one bad message slows down no more
MAX_DECIMALS: Final = 6  # of money: what the database columns and the buckets' micros hold


class PoisonEvent(Exception):
    """The message can never be processed: dead letter it and carry on. Its text is the plain reason."""


class Unavailable(Exception):
    """Something that is needed is broken for now: retry later."""


_NUMBER_OR_TEXT: Final = {"x-number-too": True}  # for json_schemas.py: a number is taken as its text
Id = Annotated[str, Meta(min_length=1, max_length=128, extra_json_schema=_NUMBER_OR_TEXT)]
OptionalId = Annotated[str, Meta(max_length=128, extra_json_schema=_NUMBER_OR_TEXT)]
Short = Annotated[str, Meta(max_length=200)]
Long = Annotated[str, Meta(max_length=2048)]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Email = Annotated[str, Meta(max_length=254)]
Country = Annotated[str, Meta(max_length=64)]
Quantity = Annotated[int, Meta(ge=1, le=1_000_000)]
Found = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Change = Annotated[int, Meta(ge=-1_000_000_000, le=1_000_000_000)]
Money = Annotated[
    Decimal,
    Meta(
        description="0 or more, below 10^9, at most 6 decimals; a JSON number or its text",
        extra_json_schema=_NUMBER_OR_TEXT,
    ),
]
Timestamp = Annotated[
    datetime, Meta(description="RFC 3339, UTC where it names no zone, at most 10 minutes ahead")
]

ClickType = Literal[
    "view_item",
    "view_item_list",
    "search",
    "add_to_cart",
    "remove_from_cart",
    "add_to_wishlist",
    "view_cart",
    "begin_checkout",
    "add_payment_info",
    "page_view",
]
OrderStatus = Literal["placed", "paid", "delivered", "refunded"]
ChangeType = Literal[
    "order_paid",
    "order_payment_failed",
    "order_cancelled",
    "order_rejected",
    "order_backordered",
    "order_packed",
    "order_shipped",
    "order_delivered",
    "order_refunded",
]


class Click(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A shopper did something in a browser. Purchases are never told by a browser: see OrderPlaced."""

    user_id: Id
    product_id: Id | None
    timestamp: Timestamp
    type: ClickType = "view_item"  # GA4's names
    event_id: OptionalId = ""  # "topic:partition:offset" where the sender gives none
    session_id: OptionalId | None = None
    path: Long | None = None
    referrer: Long | None = None
    campaign: Short | None = None
    device: Short | None = None
    country: Country | None = None
    source: Short | None = None  # the host that sent the visit, on each click of it
    search: Short | None = None
    results: Found | None = None  # how many products the search found
    category: Short | None = None  # the shelf of the product or list
    returning: bool | None = None  # False: the browser's first visit; None: nobody knows
    site: Short | None = None  # which shop, where several send to one log
    bot: bool = False


class OrderLine(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One product of an order."""

    product_id: Id
    quantity: Quantity
    price: Money | None = None  # of one piece; None where unknown, never invented


class OrderPlaced(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A shopper confirmed a cart, here or in another system. Nothing is charged yet where status says so."""

    order_id: Id
    user_id: OptionalId  # "" where the customer is unknown: such an order has no visitor
    product_ids: Annotated[list[Id], Meta(max_length=10_000)]
    amount: Money  # in the order's own currency, tax included
    timestamp: Timestamp
    event_id: OptionalId = ""
    type: Literal["order_placed"] = "order_placed"
    quantities: Annotated[list[Quantity], Meta(max_length=10_000)] | None = None  # 1 each where absent
    lines: Annotated[list[OrderLine], Meta(max_length=10_000)] | None = None  # wins over product_ids
    currency: Currency | None = None  # the shop's default where absent
    # None and "placed": charge it; "paid": paid elsewhere; "delivered": handed over elsewhere, too;
    # "refunded": a refund made elsewhere, a record of its own whose amounts are positive.
    status: OrderStatus | None = None
    email: Email | None = None  # only others send it: our own messages carry no address
    session_id: OptionalId | None = None
    country: Country | None = None
    device: Short | None = None  # that it was ordered with
    source: Short | None = None  # the host that sent the visit

    def order_lines(self) -> list[OrderLine]:
        """What was ordered: `lines` where given, else each product with its quantity and no price."""
        if self.lines:
            return self.lines
        quantities = self.quantities or [1] * len(self.product_ids)
        pairs = zip(self.product_ids, quantities, strict=True)
        return [OrderLine(product_id=product, quantity=quantity) for product, quantity in pairs]


class OrderChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """An order took a step. Only our own count: those that carry the relay's `seq` header."""

    order_id: Id
    user_id: OptionalId
    timestamp: Timestamp  # event time: the recorded one where the order was paid elsewhere
    type: ChangeType
    event_id: Id
    amount: Money
    currency: Currency
    lines: Annotated[list[OrderLine], Meta(max_length=10_000)]
    previous: Short
    status: Short
    session_id: OptionalId | None = None
    country: Country | None = None
    device: Short | None = None
    source: Short | None = None
    product_ids: list[Id] = []  # filled from the lines, so that any reader of the topic finds it

    def __post_init__(self) -> None:
        if not self.product_ids:
            force_setattr(self, "product_ids", [line.product_id for line in self.lines])


class StockChanged(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """A product's stock went up or down: a fact, not a request."""

    product_id: Id
    quantity_change: Change
    timestamp: Timestamp
    event_id: OptionalId = ""
    reason: Short | None = None
    order_id: OptionalId | None = None
    actor: Short | None = None


class _Type(msgspec.Struct, frozen=True, gc=False):
    """The one field that says which struct an order message is."""

    type: str | None = None


Event = Click | OrderPlaced | OrderChanged | StockChanged
_E = TypeVar("_E", Click, OrderPlaced, OrderChanged, StockChanged)

_encoder = msgspec.json.Encoder(decimal_format="number")
_read_type = msgspec.json.Decoder(_Type)
_read_anything = msgspec.json.Decoder(Any, float_hook=Decimal)  # floats as written, not as rounded
_clicks = msgspec.json.Decoder(Click)
_placed = msgspec.json.Decoder(OrderPlaced)
_changed = msgspec.json.Decoder(OrderChanged)
_stock = msgspec.json.Decoder(StockChanged)
_ID_FIELDS: Final = ("user_id", "product_id", "order_id", "event_id", "session_id")


def encode(event: msgspec.Struct) -> bytes:
    """The event as the JSON of its topic; money as exact numbers, times in UTC."""
    return _encoder.encode(event)


def read_click(value: bytes | None, *, origin: str, now: datetime) -> Click:
    """The click in a message. origin: its event_id where it has none. Raises PoisonEvent."""
    return _finish(_decode(value, _clicks, MAX_CLICK_BYTES), value, origin, now)


def read_clicks(values: Sequence[bytes | None], *, now: datetime) -> list[Click | PoisonEvent]:
    """The clicks in many messages, several times as fast as one by one; a PoisonEvent for what is refused.

    The same as read_click's, but those that come without an event_id stay without.
    """
    found: list[Click | PoisonEvent] = []
    for first in range(0, len(values), TOGETHER):
        some = values[first : first + TOGETHER]
        found += _all_at_once(some, now) or [_click_or_poison(value, now) for value in some]
    return found


def _all_at_once(values: Sequence[bytes | None], now: datetime) -> list[Click] | None:
    """The clicks in the messages; None where one of them must be looked at on its own."""
    try:
        clicks = list(map(_clicks.decode, values))  # type: ignore[arg-type]  # null is a TypeError
        text = b"".join(values)  # type: ignore[arg-type]
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        return None
    moments = [click.timestamp for click in clicks]
    unremarkable = (
        max(map(len, values)) <= MAX_CLICK_BYTES  # type: ignore[arg-type]
        and b"\\" not in text  # no escaped character, so no NUL either
        and not [moment for moment in moments if moment.tzinfo is not UTC]
        and min(moments) >= EARLIEST
        and max(moments) - now <= MAX_AHEAD
    )
    return clicks if unremarkable else None


def _click_or_poison(value: bytes | None, now: datetime) -> Click | PoisonEvent:
    try:
        return _finish(_decode(value, _clicks, MAX_CLICK_BYTES), value, "", now)
    except PoisonEvent as error:
        return error


def read_order(value: bytes | None, *, origin: str, now: datetime) -> OrderPlaced | OrderChanged:
    """The order event in a message, by its `type`. Raises PoisonEvent."""
    if order_type(value) != "order_placed":
        changed = _finish(_decode(value, _changed, MAX_EVENT_BYTES), value, origin, now)
        _check_money(changed.amount, "amount")
        _check_lines(changed.lines)
        return changed
    placed = _finish(_decode(value, _placed, MAX_EVENT_BYTES), value, origin, now)
    _check_money(placed.amount, "amount")
    _check_lines(placed.lines or [])
    if placed.quantities is not None and len(placed.quantities) != len(placed.product_ids):
        raise PoisonEvent(
            f"{len(placed.quantities)} quantities for {len(placed.product_ids)} product_ids: need one each"
        )
    if not placed.order_lines():
        raise PoisonEvent("the order has no products")
    return placed


def read_stock(value: bytes | None, *, origin: str, now: datetime) -> StockChanged:
    """The stock event in a message. Raises PoisonEvent."""
    return _finish(_decode(value, _stock, MAX_EVENT_BYTES), value, origin, now)


def order_type(value: bytes | None) -> str:
    """What kind of order event a message is, without reading the rest. Raises PoisonEvent."""
    kind: _Type = _guarded(_read_type, _sized(value, MAX_EVENT_BYTES))
    return kind.type if kind.type is not None else "order_placed"


def _sized(value: bytes | None, limit: int) -> bytes:
    if not value:
        raise PoisonEvent("the message is empty" if value is not None else "the message has no value (null)")
    if len(value) > limit:
        raise PoisonEvent(f"the message has {len(value):,} bytes: at most {limit:,} are read")
    return value


def _guarded(decoder: "msgspec.json.Decoder[Any]", value: bytes) -> Any:  # noqa: ANN401 - the decoder's type
    """What the decoder reads; whatever it complains of becomes a PoisonEvent."""
    try:
        return decoder.decode(value)
    except msgspec.ValidationError as error:
        raise PoisonEvent(f"wrong content: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise PoisonEvent(f"not JSON: {error}") from error
    except RecursionError as error:
        raise PoisonEvent("not readable: nested too deeply") from error


def _decode(value: bytes | None, decoder: "msgspec.json.Decoder[_E]", limit: int) -> _E:
    """The struct in a message; a second look turns ids that are numbers into strings."""
    data = _sized(value, limit)
    try:
        return decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # Our own messages never come here; those of producers with numeric ids do.
        whole = _guarded(_read_anything, data)
        if not isinstance(whole, dict):
            raise PoisonEvent("wrong content: need a JSON object") from error
        if not _stringify_ids(whole):
            raise PoisonEvent(f"wrong content: {error}") from error
        event: _E = _guarded(decoder, _encoder.encode(whole))
        return event


def _stringify_ids(whole: dict[str, Any]) -> bool:
    """Turn ids that are numbers into strings, in place; whether there was one."""
    changed = False
    rows = [whole, *(line for line in _list(whole, "lines") if isinstance(line, dict))]
    for row in rows:
        for name in _ID_FIELDS:
            text = _number_as_text(row.get(name))
            if text is not None:
                row[name], changed = text, True
    products = _list(whole, "product_ids")
    for index, product in enumerate(products):
        text = _number_as_text(product)
        if text is not None:
            products[index], changed = text, True
    return changed


def _list(whole: Mapping[str, Any], name: str) -> list[Any]:
    found = whole.get(name)
    return found if isinstance(found, list) else []


def _number_as_text(value: object) -> str | None:
    """123 and 123.0 -> "123", 1.5 -> "1.5"; None for what is no number."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if isinstance(value, Decimal) and value.is_finite() and 0 <= value.adjusted() < 30 and value % 1 == 0:
        return str(int(value))
    try:
        return str(value)
    except ValueError as error:  # Python refuses to print integers of more than 4,300 digits
        raise PoisonEvent("an id is a number of too many digits") from error


def _finish(event: _E, value: bytes | None, origin: str, now: datetime) -> _E:
    """The event with its id and its time in UTC. Raises PoisonEvent for times and NULs no store takes."""
    moment = event.timestamp
    if moment.tzinfo is not UTC:
        moment = _in_utc(moment)
        force_setattr(event, "timestamp", moment)  # nobody else has seen this value yet
    if moment - now > MAX_AHEAD:
        raise PoisonEvent(f"timestamp {moment.isoformat()} is more than 10 minutes ahead of our clock")
    if moment < EARLIEST:
        raise PoisonEvent(f"timestamp {moment.isoformat()} is before 1970")
    if value is not None and b"\\u0000" in value and _has_nul(msgspec.to_builtins(event)):
        raise PoisonEvent("a text contains a NUL character")
    if not event.event_id:
        force_setattr(event, "event_id", origin)
    return event


def _in_utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise PoisonEvent("timestamp is out of range") from error


def _has_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for part in value.values())
    return isinstance(value, list) and any(_has_nul(part) for part in value)


def _check_lines(lines: list[OrderLine]) -> None:
    for number, line in enumerate(lines):
        if line.price is not None:
            _check_money(line.price, f"lines[{number}].price")


def _check_money(amount: Decimal, name: str) -> None:
    """Raises PoisonEvent for money that no column holds exactly."""
    if not amount.is_finite() or not 0 <= amount < MAX_AMOUNT:
        raise PoisonEvent(f"{name} is {str(amount)[:40]}: need 0 or more, below {MAX_AMOUNT:,}")
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -MAX_DECIMALS and amount != round(amount, MAX_DECIMALS):
        raise PoisonEvent(f"{name} is {str(amount)[:40]}: more than {MAX_DECIMALS} decimals")
