"""The cart: so many of each product as the visitor wished. Views -> here -> CartLine.

The wish is kept as it was made. What can be bought of it now is worked out at each look, so that a line
says what became of it, and nothing is written by looking.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Least
from django.utils import timezone

from inventory.models import Level
from shopsite.storefront.delivery import shipping_for
from shopsite.storefront.items import MOST, Item, item, left_of, products
from shopsite.storefront.models import CartLine
from shopsite.storefront.visitors import VISITOR_SECONDS


@dataclass(frozen=True)
class Line:
    """One product in the cart. `quantity` is what of `wanted` can be bought now."""

    item: Item
    wanted: int

    @property
    def quantity(self) -> int:
        """Never more than is left."""
        return min(self.wanted, self.item.left)

    @property
    def is_lowered(self) -> bool:
        """Fewer than wanted, but some."""
        return 0 < self.quantity < self.wanted

    @property
    def is_full(self) -> bool:
        """One more cannot be had."""
        return self.quantity >= self.item.left

    @property
    def amount(self) -> Decimal:
        """What the line costs."""
        return self.item.price * self.quantity

    @property
    def wanted_amount(self) -> Decimal:
        """What it would have cost; shown struck where nothing is left."""
        return self.item.price * self.wanted


@dataclass(frozen=True)
class Cart:
    """A visitor's cart at this moment, oldest line first."""

    lines: Sequence[Line]

    @cached_property
    def counted(self) -> list[Line]:
        """What will be ordered: sold-out lines are not."""
        return [line for line in self.lines if line.quantity]

    @property
    def count(self) -> int:
        """How many things will be ordered."""
        return sum(line.quantity for line in self.counted)

    @property
    def amount(self) -> Decimal:
        """The products, without delivery."""
        return sum((line.amount for line in self.counted), Decimal(0))

    @property
    def shipping(self) -> Decimal:
        """The delivery."""
        return shipping_for(self.amount)

    @property
    def total(self) -> Decimal:
        """What will be charged."""
        return self.amount + self.shipping


def cart_of(visitor_id: str) -> Cart:
    """The visitor's cart; a product that is listed no more is left out."""
    wishes = dict(_lines(visitor_id).order_by("added_at", "pk").values_list("product_id", "quantity"))
    if not wishes:
        return Cart([])
    found = {row.sku: item(row) for row in products().filter(sku__in=wishes)}
    return Cart([Line(found[sku], wanted) for sku, wanted in wishes.items() if sku in found])


def tally(visitor_id: str) -> int:
    """How many things are in the cart and can be bought, in one query."""
    rows = _lines(visitor_id).filter(product__listed=True, product__price__isnull=False)
    return sum(
        min(wanted, left_of(Level(tracked=bool(tracked), on_hand=on_hand or 0, reserved=reserved or 0)))
        for wanted, tracked, on_hand, reserved in rows.values_list(
            "quantity", "product__level__tracked", "product__level__on_hand", "product__level__reserved"
        )
    )


@transaction.atomic
def add(visitor_id: str, sku: str, quantity: int) -> int:
    """Wish for so many more. Returns how many are wished now."""
    mine, is_new = CartLine.objects.get_or_create(
        visitor=visitor_id, product_id=sku, defaults={"quantity": min(quantity, MOST)}
    )
    if not is_new:
        _lines(visitor_id).filter(pk=mine.pk).update(quantity=Least(F("quantity") + quantity, MOST))
        mine.refresh_from_db(fields=["quantity"])
    return mine.quantity


def set_quantity(visitor_id: str, sku: str, quantity: int) -> bool:
    """Wish for exactly so many, none takes the line away. Returns whether the line was there."""
    line = _lines(visitor_id).filter(product_id=sku)
    if quantity <= 0:
        return bool(line.delete()[0])
    return bool(line.update(quantity=min(quantity, MOST)))


def take_out(visitor_id: str, skus: Sequence[str]) -> None:
    """Forget these lines: they were ordered."""
    _lines(visitor_id).filter(product_id__in=skus).delete()


def forget_old() -> int:
    """Delete lines that nobody has changed for as long as a browser is remembered; how many."""
    before = timezone.now() - timedelta(seconds=VISITOR_SECONDS)
    return CartLine.objects.filter(changed_at__lt=before).delete()[0]


def _lines(visitor_id: str) -> QuerySet[CartLine]:
    return CartLine.objects.filter(visitor=visitor_id)
