"""What dashboards ask of orders and stock, which they may not import. shopsite/boards.py fits -> live.py."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol


class StatusRow(Protocol):
    """How many orders stand in one state."""

    @property
    def status(self) -> str:
        """The state's name, as in the database."""

    @property
    def count(self) -> int:
        """Orders in it now."""

    @property
    def capped(self) -> bool:
        """Whether there are more, which were not counted."""

    @property
    def oldest_at(self) -> datetime | None:
        """Since when the oldest one stands there."""


class Attention(Protocol):
    """What somebody should look at."""

    @property
    def payment_failed(self) -> int:
        """Orders whose payment failed."""

    @property
    def paid_unfulfillable(self) -> int:
        """Orders that are paid, for which there is no stock."""

    @property
    def low_stock_count(self) -> int:
        """Products at or below their threshold."""


class Stock(Protocol):
    """How much of a product there is."""

    @property
    def available(self) -> int:
        """What can still be sold."""

    @property
    def tracked(self) -> bool:
        """False where nobody told us of any stock."""


class Board(Protocol):
    """Where orders and stock are read from; few queries each."""

    def order_pipeline(self) -> Sequence[StatusRow]:
        """Orders by state."""

    def attention(self) -> Attention:
        """What needs somebody."""

    def stock_of(self, skus: Iterable[str]) -> Mapping[str, Stock]:
        """The stock of these products."""


_board: Board | None = None


def register_board(board: Board) -> None:
    """Say where orders and stock are read from; without it their tiles stay unknown."""
    global _board
    _board = board


def the_board() -> Board | None:
    """Where orders and stock are read from; None where nobody said so."""
    return _board
