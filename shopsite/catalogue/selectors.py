"""Read the catalogue. Product, Category -> here -> storefront, seed."""

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from shopsite.catalogue.models import Category, Product


def listed_products() -> QuerySet[Product]:
    """What the shop shows: listed, with a price in the shop's own currency; the category comes along."""
    return Product.objects.filter(
        listed=True, price__isnull=False, currency=settings.SHOP_CURRENCY
    ).select_related("category")


def shelves() -> list[Category]:
    """Categories in shop order, without empty ones."""
    stocked = Q(products__listed=True, products__price__isnull=False)
    sized = Category.objects.annotate(size=Count("products", filter=stocked)).filter(size__gt=0)
    return list(sized.order_by("position", "slug"))
