"""Read the catalogue. Product, Category -> here -> storefront, seed."""

from django.db.models import Count, Q, QuerySet

from shopsite.catalogue.models import Category, Product


def listed_products() -> QuerySet[Product]:
    """What the shop shows: listed, with a price; the category comes along."""
    return Product.objects.filter(listed=True, price__isnull=False).select_related("category")


def shelves() -> list[Category]:
    """Categories in shop order, each with `size`, its number of listed products."""
    size = Count("products", filter=Q(products__listed=True, products__price__isnull=False))
    return list(Category.objects.annotate(size=size))
