"""Messages as the drain hands them to the handlers, without Kafka."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import count

import msgspec

from shopsite.events.inbox import Received
from shopsite.events.models import OutboxEvent
from shopsite.events.schemas import read_order, read_stock

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


def from_outbox(row: OutboxEvent) -> Received:
    """One of our own events, as it comes back from Kafka."""
    read = read_order if row.topic == "orders" else read_stock
    event = read(bytes(row.value or b""), origin="none", now=datetime.now(UTC))
    return Received(row.topic, 0, next(_offsets), row.key, event, event.event_id)


def lines(*rows: tuple[str, int, str]) -> Sequence[Mapping[str, object]]:
    """Lines of an order message: product, quantity, price."""
    return [{"product_id": sku, "quantity": number, "price": price} for sku, number, price in rows]


def _json(fields: Mapping[str, object]) -> dict[str, object]:
    return {"timestamp": "2024-06-18T12:35:56Z", **fields}
