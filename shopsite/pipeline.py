"""topic -> reader -> handler: to Kafka what urls.py is to HTTP. consume and the drain -> here -> fulfilment.

Clicks are not here: they change nothing in the database, only aggregate reads them.
"""

from collections.abc import Collection, Mapping
from typing import Final

from shopsite.events.drain import Drained, overdue, still_due
from shopsite.events.drain import drain as drain_route
from shopsite.events.inbox import Headers, Route, is_own
from shopsite.events.schemas import Event, OrderPlaced, StockChanged, order_type, read_order, read_stock
from shopsite.fulfilment import handle_orders, handle_stock


def _order_is_wanted(value: bytes | None, _headers: Headers) -> bool:
    """Only a placed order asks for work; its later steps were our own work, or are another shop's news."""
    return order_type(value) == "order_placed"


def _stock_is_wanted(_value: bytes | None, headers: Headers) -> bool:
    """Our own changes were made in the database before they were told."""
    return not is_own(headers)


def _order_key(event: Event) -> str:
    return event.order_id if isinstance(event, OrderPlaced) else ""


def _stock_key(event: Event) -> str:
    return event.product_id if isinstance(event, StockChanged) else ""


ROUTES: Final[Mapping[str, Route]] = {
    route.topic: route
    for route in (
        Route("orders", read_order, _order_is_wanted, _order_key, handle_orders),
        Route("inventory", read_stock, _stock_is_wanted, _stock_key, handle_stock),
    )
}


def drain(topic: str, partition: int) -> Drained | None:
    """Process what waits in a partition; None where another process does.

    Raises KeyError for a topic that has no route.
    """
    return drain_route(ROUTES[topic], partition)


def still_to_drain(topic: str, partitions: Collection[int]) -> list[int]:
    """Those of a topic's partitions that have something to process now."""
    return still_due(topic, partitions)


def partitions_to_drain() -> list[tuple[str, int]]:
    """Every (topic, partition) that has something to process now."""
    return [(topic, partition) for topic, partition in overdue() if topic in ROUTES]
