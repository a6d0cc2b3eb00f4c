"""Messages as the drain hands them to the handlers, without Kafka."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

import msgspec

from shopsite.events.inbox import Received
from shopsite.events.schemas import encode, read_order, read_stock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
_offsets = count()


def order_message(**fields: object) -> Received:
    """An order message with these fields, as it is read from Kafka."""
    offset = next(_offsets)
    event = read_order(msgspec.json.encode(_json(fields)), origin=f"orders:0:{offset}", now=datetime.now(UTC))
    return Received("orders", 0, offset, event.order_id, event, event.event_id)


def stock_message(**fields: object) -> Received:
    """A stock message with these fields, as it is read from Kafka."""
    offset = next(_offsets)
    event = read_stock(
        msgspec.json.encode(_json(fields)), origin=f"inventory:0:{offset}", now=datetime.now(UTC)
    )
    return Received("inventory", 0, offset, event.product_id, event, event.event_id)


def read_back(struct: msgspec.Struct) -> Received:
    """One of our own order events, as it comes back from Kafka."""
    event = read_order(encode(struct), origin="orders:0:0", now=datetime.now(UTC))
    return Received("orders", 0, next(_offsets), event.order_id, event, event.event_id)


def lines(*rows: tuple[str, int, str]) -> Sequence[Mapping[str, object]]:
    """Lines of an order message: product, quantity, price."""
    return [{"product_id": sku, "quantity": number, "price": price} for sku, number, price in rows]


def _json(fields: Mapping[str, object]) -> dict[str, object]:
    return {"timestamp": "2024-06-18T12:35:56Z", **fields}
