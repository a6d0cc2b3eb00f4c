"""Write the catalogue. Seed and the event handlers -> here -> Product, Category."""

from collections.abc import Iterable

from django.conf import settings

from shopsite.catalogue.models import Product


def ensure_products(skus: Iterable[str]) -> None:
    """Make an unlisted product for every sku that the catalogue does not know yet."""
    wanted = sorted(set(skus))  # sorted: two batches at once take their locks in one order
    known = set(Product.objects.filter(sku__in=wanted).values_list("sku", flat=True))
    Product.objects.bulk_create(
        [
            Product(sku=sku, title=sku, currency=settings.SHOP_CURRENCY, listed=False)
            for sku in wanted
            if sku not in known
        ],
        ignore_conflicts=True,
        batch_size=500,
    )
