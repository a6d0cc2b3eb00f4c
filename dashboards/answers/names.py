"""What products are called, and where their figures are. The catalogue -> here -> the pages of answers."""

from collections.abc import Iterable
from dataclasses import dataclass

from dashboards.screen.live import product_page
from shopsite.catalogue.models import Product


@dataclass(frozen=True)
class Named:
    """A product's words and its page of figures."""

    title: str
    link: str


def names_of(skus: Iterable[str]) -> dict[str, Named]:
    """Every product's words; one that the catalogue does not have goes by its number."""
    wanted = list(dict.fromkeys(skus))
    titles = dict(Product.objects.filter(pk__in=wanted).values_list("sku", "title"))
    return {sku: Named(titles.get(sku, sku), product_page(sku)) for sku in wanted}
