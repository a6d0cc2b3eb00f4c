"""Stock for other programs. routes.py -> here -> inventory.selectors."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import msgspec

from inventory.models import Level
from inventory.selectors import movements_of, on_hand_and_reserved, stocked_products, view
from orders.money import plain
from shopsite.api.http import Problem
from shopsite.api.paging import Cursor, Limit, cursor, place_of
from shopsite.api.routing import NoQuery
from shopsite.catalogue.models import Product

Next = Annotated[str | None, msgspec.Meta(description="The next part's cursor; null at the end.")]


class StockBody(msgspec.Struct, frozen=True):
    """How much of a product there is."""

    product_id: str
    on_hand: int
    reserved: int
    available: Annotated[int, msgspec.Meta(description="on_hand - reserved; below zero where more was sold.")]


class ProductRow(msgspec.Struct, frozen=True):
    """A product with its stock."""

    product_id: str
    title: str
    price: Annotated[Decimal | None, msgspec.Meta(description="null: not for sale.")]
    currency: str
    listed: Annotated[bool, msgspec.Meta(description="Whether the shop shows it.")]
    on_hand: int
    reserved: int
    available: int
    tracked: Annotated[bool, msgspec.Meta(description="false: nobody told a stock, any number may be had.")]
    low: Annotated[bool, msgspec.Meta(description="At or below its threshold.")]


class ProductPage(msgspec.Struct, frozen=True):
    """A part of the list of products."""

    items: list[ProductRow]
    next: Next


class MovementRow(msgspec.Struct, frozen=True):
    """One row of the ledger."""

    event_id: str
    at: datetime
    change: int
    reason: str
    actor: str
    order_id: str | None
    origin: Annotated[
        str | None, msgspec.Meta(description="topic:partition:offset, where another system told it.")
    ]


class LedgerPage(msgspec.Struct, frozen=True):
    """A part of a product's ledger."""

    items: list[MovementRow]
    next: Next


class ProductsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which products."""

    low: Annotated[bool, msgspec.Meta(description="Only those that are almost gone.")] = False
    limit: Limit = 50
    cursor: Cursor = ""


class LedgerQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows."""

    limit: Limit = 50
    cursor: Cursor = ""


def stock(_query: NoQuery, product_id: str) -> StockBody:
    """The stock of one product.

    A product that nobody has told a stock of has none on hand, and orders for it are taken.
    """
    on_hand, reserved = on_hand_and_reserved(product_id) or _untracked(product_id)
    return StockBody(product_id, on_hand, reserved, on_hand - reserved)


def products(query: ProductsQuery) -> ProductPage:
    """Products with their stock, by number."""
    rows = stocked_products(after=place_of(query.cursor, str), only_low=query.low, limit=query.limit + 1)
    page = rows[: query.limit]
    return ProductPage(
        items=[_row(product) for product in page],
        next=cursor(page[-1].pk) if len(rows) > len(page) else None,
    )


def ledger(query: LedgerQuery, product_id: str) -> LedgerPage:
    """The ledger of one product, newest first.

    Rows are added, never changed; `on_hand` is the sum of all changes.
    """
    if on_hand_and_reserved(product_id) is None:
        _untracked(product_id)
    rows = movements_of(
        product_id, before=place_of(query.cursor, tuple[datetime, int]), limit=query.limit + 1
    )
    page = rows[: query.limit]
    return LedgerPage(
        items=[
            MovementRow(
                row.event_id, row.at, row.change, row.reason, row.actor, row.order_id or None, row.origin
            )
            for row in page
        ],
        next=cursor((page[-1].at, page[-1].pk)) if len(rows) > len(page) else None,
    )


def _untracked(product_id: str) -> tuple[int, int]:
    """What a product without a level has and has promised. Raises Problem where there is no such product."""
    if not Product.objects.filter(pk=product_id).exists():
        raise Problem(404, f"There is no product {product_id}.")
    return 0, 0


def _row(product: Product) -> ProductRow:
    level = getattr(product, "level", None) or Level(product_id=product.pk)
    seen = view(level)
    return ProductRow(
        product_id=product.pk,
        title=product.title,
        price=None if product.price is None else plain(product.price),
        currency=product.currency,
        listed=product.listed,
        on_hand=seen.on_hand,
        reserved=seen.reserved,
        available=seen.on_hand - seen.reserved,
        tracked=seen.tracked,
        low=seen.low,
    )
