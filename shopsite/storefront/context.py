"""What every page of the shop has in its frame. settings.TEMPLATES -> here -> base.html.

Everything is read when a template asks for it, so that admin and dashboards cost nothing.
"""

from functools import cached_property
from typing import NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest

from shopsite.catalogue.models import Category
from shopsite.catalogue.selectors import listed_products, shelves
from shopsite.storefront import carts
from shopsite.storefront.visitors import Visitor

KEPT_SECONDS = 30  # a new category may take that long to show in the frame


class Shelf(NamedTuple):
    """A category as the frame shows it."""

    slug: str
    name: str
    plate: str
    picture: str


def shelf_of(category: Category) -> Shelf:
    """The category as the frame shows it."""
    return Shelf(category.slug, category.name, category.plate, category.picture)


def _shelves() -> tuple[Shelf, ...]:
    return tuple(shelf_of(category) for category in shelves())


class Frame:
    """Header and footer of one request."""

    name = settings.SHOP_NAME
    currency = settings.SHOP_CURRENCY
    currency_name = {"EUR": "euro", "USD": "US dollar", "GBP": "pound"}.get(
        settings.SHOP_CURRENCY, settings.SHOP_CURRENCY
    )

    def __init__(self, request: HttpRequest) -> None:
        self._visitor: Visitor | None = getattr(request, "visitor", None)  # none on a page that failed early

    @cached_property
    def shelves(self) -> tuple[Shelf, ...]:
        """The categories."""
        return cache.get_or_set("frame.shelves", _shelves, KEPT_SECONDS) or ()

    @cached_property
    def size(self) -> int:
        """How many products there are."""
        return cache.get_or_set("frame.size", listed_products().count, KEPT_SECONDS) or 0

    @cached_property
    def tally(self) -> int:
        """How many things are in the cart."""
        if self._visitor is None or self._visitor.is_new:
            return 0
        return carts.tally(self._visitor.id)


def shop(request: HttpRequest) -> dict[str, Frame]:
    """`shop` in every template."""
    return {"shop": Frame(request)}
