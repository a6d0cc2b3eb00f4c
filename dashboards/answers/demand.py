"""What is asked for, and how long it lasts. Product figures, stock, prices -> here -> page, alerts.

docs/metrics.md, "Demand and stock". Stock comes by the board, since dashboards may not import inventory.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from math import sqrt
from statistics import NormalDist

from dashboards.answers import kept
from dashboards.answers.spans import by_kind, sums, to_the_minute
from dashboards.board import Board, the_board
from shopsite.catalogue.models import Product

WINDOW_MINUTES = 30
CERTAIN = 0.8  # of the interval of the minutes left
ASKED = 300  # products whose stock is looked at
SHOWN = 20
_Z = NormalDist().inv_cdf((1 + CERTAIN) / 2)
Sums = Mapping[str, Mapping[str, int]]  # kind of `products` -> product -> number


@dataclass(frozen=True)
class Demand:
    """A product that somebody wants."""

    product_id: str
    views_a_minute: float
    carts_a_minute: float
    sold: int  # in the window
    available: int
    minutes_left: float | None  # None: none was sold, so no end is in sight
    soonest: float | None  # the interval that holds the truth in CERTAIN of all cases
    latest: float | None  # None: maybe never
    missed_an_hour: Decimal | None  # money, of what is sold out; None where it is not, or no price is known

    @property
    def is_out(self) -> bool:
        """Sold out."""
        return self.available <= 0


def units_interval(sold: int) -> tuple[float, float]:
    """The bounds of what is sold in such a window on average, where `sold` were seen in one (Garwood)."""
    low = _half_chi_square(2 * sold, -_Z) if sold else 0.0
    return low, _half_chi_square(2 * sold + 2, _Z)


def _half_chi_square(degrees: int, z: float) -> float:
    """Half a chi-square quantile, by Wilson and Hilferty: within 1 % from two degrees on."""
    part = 2 / (9 * degrees)
    return float(degrees * max(0.0, 1 - part + z * sqrt(part)) ** 3 / 2)


def demand(
    window: Sums, usual: Sums, available: Mapping[str, int], prices: Mapping[str, Decimal]
) -> list[Demand]:
    """The products of `available`: what is sold out and missed most first, then what ends soonest.

    window: the last WINDOW_MINUTES; usual: the days before; available: of the tracked products only.
    """
    rows = [_demand(product, window, usual, left, prices) for product, left in available.items()]
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


def _demand(product: str, window: Sums, usual: Sums, left: int, prices: Mapping[str, Decimal]) -> Demand:
    views, carts, sold = (window.get(kind, {}).get(product, 0) for kind in "vcu")
    low, high = (units / WINDOW_MINUTES for units in units_interval(sold))
    return Demand(
        product_id=product,
        views_a_minute=round(views / WINDOW_MINUTES, 2),
        carts_a_minute=round(carts / WINDOW_MINUTES, 2),
        sold=sold,
        available=left,
        minutes_left=max(0, left) * WINDOW_MINUTES / sold
        if sold and left > 0
        else 0.0
        if left <= 0
        else None,
        soonest=max(0, left) / high,
        latest=max(0, left) / low if low else None,
        missed_an_hour=_missed(product, views, usual, prices) if left <= 0 else None,
    )


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
    return demand(window, before, stock, _prices(stock))


def _prices(skus: Iterable[str]) -> dict[str, Decimal]:
    rows = Product.objects.filter(pk__in=list(skus), price__isnull=False)
    return {sku: price for sku, price in rows.values_list("sku", "price") if price is not None}
