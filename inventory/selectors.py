"""Every read of stock. Level, Reservation -> here -> storefront, boards, fulfilment, API."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q, Sum

from inventory.models import Level, Movement, Reservation
from shopsite.catalogue.models import Product
from shopsite.prepared import Prepared, Slot

SHORT = Q(level__tracked=True, level__on_hand__lt=F("level__reserved"))  # of a product
LOW = Q(level__tracked=True, level__on_hand__lte=F("level__reserved") + F("level__low_at"))  # of a product


@dataclass(frozen=True)
class StockView:
    """A product's stock at a glance. Untracked: nobody told us, so any number may be ordered."""

    on_hand: int
    reserved: int
    available: int  # never below zero
    tracked: bool
    low: bool  # tracked, and at or below its threshold

    def allows(self, count: int) -> bool:
        """Whether that many could be reserved now."""
        return not self.tracked or self.available >= count


UNKNOWN = StockView(on_hand=0, reserved=0, available=0, tracked=False, low=False)


def view(level: Level) -> StockView:
    """What a level means for who sells or buys."""
    available = max(0, level.on_hand - level.reserved)
    return StockView(
        on_hand=level.on_hand,
        reserved=level.reserved,
        available=available,
        tracked=level.tracked,
        low=level.tracked and available <= level.low_at,
    )


_on_hand_and_reserved = Prepared(
    lambda: Level.objects.filter(pk=Slot("sku")).values_list("on_hand", "reserved")
)


def on_hand_and_reserved(sku: str) -> tuple[int, int] | None:
    """A product's units; None where nobody has told a stock of it."""
    return next(iter(_on_hand_and_reserved(sku=sku)), None)


def available(skus: Iterable[str]) -> dict[str, StockView]:
    """The stock of these products, in one query; one without a level is untracked."""
    wanted = list(skus)
    levels = {level.product_id: view(level) for level in Level.objects.filter(product_id__in=wanted)}
    return {sku: levels.get(sku, UNKNOWN) for sku in wanted}


def stocked_products(*, after: str | None, only_low: bool, limit: int) -> list[Product]:
    """Products with their level, by number, after one; `low` as view() has it."""
    products = Product.objects.select_related("level").order_by("pk")
    if after is not None:
        products = products.filter(pk__gt=after)
    if only_low:
        products = products.filter(LOW)
    return list(products[:limit])


def movements_of(sku: str, *, before: tuple[datetime, int] | None, limit: int) -> list[Movement]:
    """A product's ledger, newest first, before the row (at, pk)."""
    rows = Movement.objects.filter(product_id=sku).order_by("-at", "-pk")
    if before:
        at, pk = before
        rows = rows.filter(Q(at__lt=at) | Q(at=at, pk__lt=pk), at__lte=at)
    return list(rows[:limit])


def expired_orders(now: datetime, limit: int) -> list[str]:
    """Orders whose open reservations are over, longest first."""
    rows = Reservation.objects.filter(state=Reservation.State.OPEN, expires_at__lte=now)
    return list(dict.fromkeys(rows.order_by("expires_at").values_list("order_id", flat=True)[:limit]))


def kept_for(order_ids: Iterable[str]) -> dict[str, int]:
    """How many units are kept for each of these orders, until it is paid; without those that have none."""
    rows = Reservation.objects.filter(order_id__in=list(order_ids), state=Reservation.State.OPEN)
    return dict(rows.values_list("order_id").annotate(Sum("quantity")))
