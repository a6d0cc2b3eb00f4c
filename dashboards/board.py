"""What dashboards ask of orders and stock, which they may not import. shopsite/boards.py fits -> live.py."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from django.conf import settings
from django.core.cache import cache

OUTLOOK_S: Final = 15


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


class MailQueue(Protocol):
    """Mails to customers that wait, and those that failed."""

    @property
    def waiting(self) -> int:
        """How many wait."""

    @property
    def oldest_at(self) -> datetime | None:
        """Since when the oldest of them waits."""

    @property
    def due_at(self) -> datetime | None:
        """When the most overdue of them was due."""

    @property
    def why(self) -> str:
        """What the mail server said last to one of them."""

    @property
    def failed(self) -> int:
        """How many failed within a week."""


class Stock(Protocol):
    """How much of a product there is."""

    @property
    def on_hand(self) -> int:
        """What lies on the shelf."""

    @property
    def reserved(self) -> int:
        """What of it is promised to orders that are not paid yet."""

    @property
    def available(self) -> int:
        """What can still be sold."""

    @property
    def tracked(self) -> bool:
        """False where nobody told us of any stock."""


class Outlook(Protocol):
    """When a product will be sold out."""

    @property
    def minutes_left(self) -> float | None:
        """0 where nothing is left; None where too little was sold to say."""

    @property
    def soonest(self) -> float | None:
        """The 95 % interval of that."""

    @property
    def latest(self) -> float | None:
        """None also where it may last for ever."""

    @property
    def words(self) -> str:
        """All three, as every page writes them."""

    @property
    def burn(self) -> str:
        """How fast it sells and what says so, in words; "" where too little was sold."""


class Movement(Protocol):
    """One row of the ledger."""

    @property
    def change(self) -> int:
        """Units; below zero where they went out."""

    @property
    def reason(self) -> str:
        """Why."""

    @property
    def actor(self) -> str:
        """Who."""

    @property
    def order_id(self) -> str:
        """For which order, or ""."""

    @property
    def at(self) -> datetime:
        """When it happened."""


class Board(Protocol):
    """Where orders and stock are read from; few queries each."""

    def order_pipeline(self) -> Sequence[StatusRow]:
        """Orders by state."""

    def attention(self) -> Attention:
        """What needs somebody."""

    def mail_queue(self) -> MailQueue:
        """Mails to customers that wait or failed."""

    def stock_of(self, skus: Iterable[str]) -> Mapping[str, Stock]:
        """The stock of these products."""

    def outlook_of(self, skus: Iterable[str]) -> Mapping[str, Outlook]:
        """When these products will be sold out: the one estimate, of tile, answers, alerts, admin and API."""

    def ledger_of(self, sku: str, most: int) -> Sequence[Movement]:
        """The product's last movements of stock, newest first."""


_board: Board | None = None


def register_board(board: Board) -> None:
    """Say where orders and stock are read from; without it their tiles stay unknown."""
    global _board
    _board = board


def the_board() -> Board | None:
    """Where orders and stock are read from; None where nobody said so."""
    return _board


def outlooks(board: Board, skus: Iterable[str]) -> dict[str, Outlook]:
    """The board's outlook_of(), at most OUTLOOK_S old: a week of the ledger is not read every second."""
    names = {_outlook_name(sku): sku for sku in skus}
    found: dict[str, Outlook] = {names[name]: seen for name, seen in cache.get_many(list(names)).items()}
    if left := [sku for sku in names.values() if sku not in found]:
        read = board.outlook_of(left)
        cache.set_many({_outlook_name(sku): seen for sku, seen in read.items()}, OUTLOOK_S)
        found |= read
    return found


def _outlook_name(sku: str) -> str:
    return f"{settings.REDIS_PREFIX}outlook:{sku.encode().hex()}"  # ids may hold what no cache's key may
