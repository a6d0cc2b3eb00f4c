"""The cart: so many of each product as the visitor wished. Views -> here -> CartLine.

The wish is kept as it was made. What can be bought of it now is worked out at each look, so that a line
says what became of it. Looking writes only what must be told once: what is not sold any more, and prices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    told: Decimal | None = None  # the price that the visitor knows

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
    def is_most(self) -> bool:
        """As many as the shop sells of one product in an order."""
        return self.quantity >= MOST

    @property
    def was(self) -> Decimal | None:
        """The price that the visitor knows, where another one is shown by now."""
        is_same = self.told is None or round(self.told, 2) == round(self.item.price, 2)
        return None if is_same else self.told

    @property
    def is_dearer(self) -> bool:
        """The price has risen."""
        return self.was is not None and self.was < self.item.price

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
    gone: Mapping[int, str] = field(default_factory=dict)  # titles by the line's key: not sold any more

    @property
    def repriced(self) -> list[Line]:
        """What costs more or less than the visitor knows; a sold-out line says it when it is back."""
        return [line for line in self.counted if line.was is not None]

    @property
    def has_news(self) -> bool:
        """Whether something is to be told once."""
        return bool(self.gone or self.repriced)

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
    """The visitor's cart; a product that is hidden or deleted by now is among what is gone."""
    wishes = list(_lines(visitor_id).select_related("product").order_by("added_at", "pk"))
    if not wishes:
        return Cart([])
    found = {row.sku: item(row) for row in products().filter(sku__in=[wish.product_id for wish in wishes])}
    lines: list[Line] = []
    gone: dict[int, str] = {}
    for wish in wishes:
        if sold := found.get(wish.product_id or ""):
            lines.append(Line(sold, wish.quantity, wish.price))
        else:
            gone[wish.pk] = wish.product.title if wish.product else wish.title
    return Cart(lines, gone)


@transaction.atomic
def was_told(visitor_id: str, cart: Cart) -> None:
    """The visitor has read the cart's news: forget what is gone, and know the new prices."""
    if cart.gone:
        _lines(visitor_id).filter(pk__in=cart.gone).delete()
    for line in cart.repriced:
        _lines(visitor_id).filter(product_id=line.item.sku).update(price=line.item.price)


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
def add(visitor_id: str, sku: str, title: str, quantity: int, price: Decimal | None) -> int:
    """Wish for so many more, at the price that the visitor knows. Returns how many are wished now."""
    known = {"title": title, "price": price}
    mine, is_new = CartLine.objects.get_or_create(
        visitor=visitor_id, product_id=sku, defaults={"quantity": min(quantity, MOST), **known}
    )
    if not is_new:
        more = Least(F("quantity") + quantity, MOST)
        _lines(visitor_id).filter(pk=mine.pk).update(quantity=more, **known)
        mine.refresh_from_db(fields=["quantity"])
    return mine.quantity


def set_quantity(visitor_id: str, sku: str, quantity: int) -> bool:
    """Wish for exactly so many, none takes the line away. Returns whether the line was there."""
    line = _lines(visitor_id).filter(product_id=sku)
    if quantity <= 0:
        return bool(line.delete()[0])
    return bool(line.update(quantity=min(quantity, MOST)))


def take_out(visitor_id: str, skus: Sequence[str]) -> None:
    """Forget the lines of these products: they were ordered."""
    _lines(visitor_id).filter(product_id__in=skus).delete()


def forget_old() -> int:
    """Delete lines that nobody has changed for as long as a browser is remembered; how many."""
    before = timezone.now() - timedelta(seconds=VISITOR_SECONDS)
    return CartLine.objects.filter(changed_at__lt=before).delete()[0]


def _lines(visitor_id: str) -> QuerySet[CartLine]:
    return CartLine.objects.filter(visitor=visitor_id)
