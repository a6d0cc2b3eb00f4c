"""What is asked for, and how long it lasts. Product figures, stock, prices -> here -> page, alerts.

docs/metrics.md, "Demand and stock". Stock comes by the board, since dashboards may not import inventory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from dashboards.answers import kept
from dashboards.answers.spans import by_kind, sums, to_the_minute
from dashboards.board import Board, Outlook, outlooks, the_board
from shopsite.catalogue.models import Product
from shopsite.wording import sell_out_text

WINDOW_MINUTES = 30
ASKED = 300  # products whose stock is looked at
SHOWN = 20
Sums = Mapping[str, Mapping[str, int]]  # kind of `products` -> product -> number


@dataclass(frozen=True)
class Demand:
    """A product that somebody wants."""

    product_id: str
    views_a_minute: float
    carts_a_minute: float
    sold: int  # in the window
    available: int
    minutes_left: float | None  # by the board's outlook; None: too little was sold, so no end is in sight
    soonest: float | None  # the 95 % interval
    latest: float | None  # None: maybe never
    sells_out: str  # all three in words
    missed_an_hour: Decimal | None  # money, of what is sold out; None where it is not, or no price is known

    @property
    def is_out(self) -> bool:
        """Sold out."""
        return self.available <= 0


def demand(
    window: Sums,
    usual: Sums,
    available: Mapping[str, int],
    outlook: Mapping[str, Outlook],
    prices: Mapping[str, Decimal],
) -> list[Demand]:
    """The products of `available`: what is sold out and missed most first, then what ends soonest.

    window: the last WINDOW_MINUTES; usual: the days before; available: of the tracked products only.
    """
    rows = [
        _demand(product, window, usual, left, outlook.get(product), prices)
        for product, left in available.items()
    ]
    never = float("inf")
    return sorted(
        rows,
        key=lambda row: (
            not row.is_out,
            -(row.missed_an_hour or 0),
            never if row.minutes_left is None else row.minutes_left,
            -row.views_a_minute,
            row.product_id,
        ),
    )


def _demand(
    product: str, window: Sums, usual: Sums, left: int, seen: Outlook | None, prices: Mapping[str, Decimal]
) -> Demand:
    views, carts, sold = (window.get(kind, {}).get(product, 0) for kind in "vcu")
    ends = (seen.minutes_left, seen.soonest, seen.latest) if seen else (None, None, None)
    if left <= 0:
        ends = (0.0, 0.0, 0.0)
    return Demand(
        product_id=product,
        views_a_minute=round(views / WINDOW_MINUTES, 2),
        carts_a_minute=round(carts / WINDOW_MINUTES, 2),
        sold=sold,
        available=left,
        minutes_left=ends[0],
        soonest=ends[1],
        latest=ends[2],
        sells_out=sell_out_text(*ends),
        missed_an_hour=_missed(product, views, usual, prices) if left <= 0 else None,
    )


def missed_in_all(rows: Iterable[Demand]) -> Decimal:
    """What all that is sold out would bring in an hour, in the shop's currency; 0 where none is known."""
    return sum((row.missed_an_hour for row in rows if row.missed_an_hour is not None), Decimal("0.00"))


def _missed(product: str, views: int, usual: Sums, prices: Mapping[str, Decimal]) -> Decimal | None:
    """Views of an hour at the window's pace x units a view as usual x price."""
    seen, sold = (usual.get(kind, {}).get(product, 0) for kind in "vu")
    if product not in prices or not seen:
        return None
    units = Decimal(views * 60) / WINDOW_MINUTES * min(sold, seen) / seen
    return (units * prices[product]).quantize(Decimal("0.01"))


def read_window(now: datetime) -> Sums:
    """The product figures of the last WINDOW_MINUTES whole minutes. Raises RedisError."""
    end = to_the_minute(now)
    return by_kind(sums(end - timedelta(minutes=WINDOW_MINUTES), end, "products")["products"])


def stock_for(board: Board, window: Sums) -> dict[str, int]:
    """What is available of the tracked products that somebody wants, at most ASKED of them."""
    wanted = _most_wanted(window)
    return {sku: stock.available for sku, stock in board.stock_of(wanted).items() if stock.tracked}


def _most_wanted(window: Sums) -> Iterable[str]:
    sold, carts, views = (window.get(kind, {}) for kind in "ucv")
    names = {*sold, *carts, *views}
    return sorted(names, key=lambda sku: (-sold.get(sku, 0), -carts.get(sku, 0), -views.get(sku, 0), sku))[
        :ASKED
    ]


def read_demand(now: datetime) -> list[Demand]:
    """Demand joined with stock; none where no board is registered. Raises RedisError, DatabaseError."""
    board = the_board()
    if board is None:
        return []
    window = read_window(now)
    stock = stock_for(board, window)
    usual = kept.usual()
    before: Sums = {"v": usual.views, "u": usual.units} if usual else {}
    return demand(window, before, stock, outlooks(board, stock), _prices(stock))


def _prices(skus: Iterable[str]) -> dict[str, Decimal]:
    rows = Product.objects.filter(pk__in=list(skus), price__isnull=False)
    return {sku: price for sku, price in rows.values_list("sku", "price") if price is not None}
