"""Orders for other programs. routes.py -> here -> orders.selectors."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from orders.money import plain
from orders.selectors import changed_orders, told_order
from orders.states import Status
from shopsite.api.http import Problem
from shopsite.api.paging import Cursor, Limit, cursor, place_of
from shopsite.api.routing import NoQuery

# msgspec knows Python's own enumerations, not Django's
StatusName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(Status.values)})]
WantedStatus = Annotated[
    str,
    msgspec.Meta(
        pattern=f"^({'|'.join(Status.values)})$",
        description="Only those that stand there.",
        extra_json_schema={"enum": list(Status.values)},
    ),
]
WantedTime = Annotated[
    datetime, msgspec.Meta(tz=True, description="Only those that came to their status since then.")
]
Amount = Annotated[Decimal, msgspec.Meta(description="Exact, as text; in the order's currency.")]


class LineBody(msgspec.Struct, frozen=True):
    """One position of an order."""

    product_id: str
    quantity: int
    price: Annotated[Decimal | None, msgspec.Meta(description="Of one unit; null where it is not known.")]


class StepBody(msgspec.Struct, frozen=True):
    """One move of an order."""

    at: datetime
    from_: Annotated[str | None, msgspec.Meta(description="null: the order's beginning.")] = msgspec.field(
        name="from"
    )
    to: StatusName
    why: str


class OrderBody(msgspec.Struct, frozen=True):
    """An order with what was bought and what became of it."""

    order_id: str
    status: StatusName
    currency: str
    amount: Amount
    carrier: Annotated[str, msgspec.Meta(description="Who brings the parcel; empty where nobody said.")]
    tracking: Annotated[
        str, msgspec.Meta(description="Its number there, or its address in the web; empty where nobody said.")
    ]
    lines: list[LineBody]
    history: list[StepBody]


class OrderRow(msgspec.Struct, frozen=True):
    """An order in a list."""

    order_id: str
    status: StatusName
    currency: str
    amount: Amount
    placed_at: datetime
    changed_at: datetime  # since when it has its status


class OrderPage(msgspec.Struct, frozen=True):
    """A part of a list of orders."""

    items: list[OrderRow]
    next: Annotated[str | None, msgspec.Meta(description="The next part's cursor; null at the end.")]


class OrdersQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which orders."""

    status: WantedStatus | None = None
    updated_since: WantedTime | None = None
    limit: Limit = 50
    cursor: Cursor = ""


def order(_query: NoQuery, order_id: str) -> OrderBody:
    """One order.

    Its lines as they were sold, and each move with its time and reason, oldest first.
    """
    found = told_order(order_id)
    if found is None:
        raise Problem(404, f"There is no order {order_id}.")
    return OrderBody(
        order_id=found.order_id,
        status=found.status,
        currency=found.currency,
        amount=plain(found.amount),
        carrier=found.carrier,
        tracking=found.tracking,
        lines=[LineBody(sku, quantity, price and plain(price)) for sku, quantity, price in found.lines],
        history=[StepBody(at, before or None, to, why) for at, before, to, why in found.history],
    )


def orders(query: OrdersQuery) -> OrderPage:
    """Orders by when they last changed, oldest change first.

    To follow what happens, go on with the last `next`, or ask with `updated_since` and overlap by a
    minute: a change becomes visible when its transaction ends, which may be after a later one's.
    """
    after = place_of(query.cursor, tuple[datetime, str])
    rows = changed_orders(status=query.status, since=query.updated_since, after=after, limit=query.limit + 1)
    page = rows[: query.limit]
    return OrderPage(
        items=[
            OrderRow(
                row.order_id,
                row.status,
                row.currency,
                plain(row.amount),
                row.placed_at,
                row.changed_at,
            )
            for row in page
        ],
        next=cursor((page[-1].changed_at, page[-1].order_id)) if len(rows) > len(page) else None,
    )
