"""A product as a page shows it: picture, address, what is left. selectors.py -> here -> templates."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, QuerySet
from django.urls import reverse

from inventory.models import Level
from shopsite.catalogue.models import Product
from shopsite.catalogue.selectors import listed_products

FEW = 5  # at or below it we say how many are left
MOST = 99  # of one product in a cart
IN_STOCK = (  # of Product, in one query with its level
    Q(level=None) | Q(level__tracked=False) | Q(level__on_hand__gt=F("level__reserved"))
)


@dataclass(frozen=True, slots=True)
class Item:
    """A listed product and its stock at this moment."""

    sku: str
    title: str
    description: str
    price: Decimal
    plate: str  # class of the plate behind the picture
    picture: str  # below static/, empty where there is none
    url: str
    category: str  # slug, or empty
    category_name: str
    created_at: datetime
    left: int  # how many may be bought now, at most MOST
    is_tracked: bool

    @property
    def is_out(self) -> bool:
        """Sold out."""
        return self.left == 0

    @property
    def is_few(self) -> bool:
        """So few that it is said."""
        return self.is_tracked and 0 < self.left <= FEW


def products() -> QuerySet[Product]:
    """What the shop sells, each with its category and level: one query for as many as there are."""
    return listed_products().select_related("level")


def left_of(level: Level | None) -> int:
    """How many may be bought now, at most MOST; stock that nobody tracks never ends."""
    if level is None or not level.tracked:
        return MOST
    return max(0, min(MOST, level.on_hand - level.reserved))


def item(product: Product) -> Item:
    """The product as pages show it; it must come from `products`."""
    level: Level | None = getattr(product, "level", None)
    category = product.category
    return Item(
        sku=product.sku,
        title=product.title,
        description=product.description,
        price=product.price or Decimal(0),  # listed_products has none without
        plate=product.plate,
        picture=product.picture,
        url=reverse("product", args=[product.sku]),
        category=category.slug if category else "",
        category_name=category.name if category else "",
        created_at=product.created_at,
        left=left_of(level),
        is_tracked=level is not None and level.tracked,
    )


def items(rows: Iterable[Product]) -> list[Item]:
    """Each product as pages show it."""
    return [item(row) for row in rows]
