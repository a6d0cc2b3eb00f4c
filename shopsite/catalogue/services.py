"""Write the catalogue. Seed and the event handlers -> here -> Product, Category."""

from collections.abc import Iterable

from django.conf import settings

from shopsite.catalogue.models import Product


def ensure_products(skus: Iterable[str]) -> dict[str, str]:
    """Make an unlisted product for every sku that the catalogue does not know yet; all titles by sku."""
    wanted = sorted(set(skus))  # sorted: two batches at once take their locks in one order
    titles = dict(Product.objects.filter(sku__any_of=wanted).values_list("sku", "title"))
    missing = [sku for sku in wanted if sku not in titles]
    Product.objects.bulk_create(
        [Product(sku=sku, title=sku, currency=settings.SHOP_CURRENCY, listed=False) for sku in missing],
        ignore_conflicts=True,
        batch_size=500,
    )
    return titles | {sku: sku for sku in missing}
