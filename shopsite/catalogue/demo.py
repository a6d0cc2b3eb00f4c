"""The demo's 78 products. data/*.json -> here -> Category, Product; `seed` calls it."""

import json
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypedDict

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from shopsite.catalogue.models import Category, Product

DATA = Path(__file__).parent / "data"
STATIC = "catalogue"  # pictures lie below static/catalogue/


class Entry(TypedDict):
    """A product as products.json has it."""

    sku: str
    title: str
    category: str
    price: str
    currency: str
    stock: int
    picture: str


class Shelf(TypedDict):
    """A category as shelves.json has it."""

    slug: str
    name: str
    hue: int | None
    picture: str


class Shelves(TypedDict):
    """shelves.json: categories in shop order, skus newest first, a sentence by sku."""

    categories: list[Shelf]
    newest: list[str]
    descriptions: dict[str, str]


@dataclass(frozen=True)
class Filled:
    """What `fill` did: how many rows were new, and the stock that each product opens with."""

    categories: int
    products: int
    opening: dict[str, int]


def fill() -> Filled:
    """Add the demo's categories and products that are missing; what is there stays as it is."""
    entries: list[Entry] = json.loads((DATA / "products.json").read_text(encoding="utf-8"))
    shelves: Shelves = json.loads((DATA / "shelves.json").read_text(encoding="utf-8"))
    categories = Category.objects.count()
    products = Product.objects.count()
    Category.objects.bulk_create(
        [
            Category(
                slug=shelf["slug"],
                name=shelf["name"],
                position=position,
                hue=shelf["hue"],
                picture=f"{STATIC}/{shelf['picture']}",
            )
            for position, shelf in enumerate(shelves["categories"])
        ],
        ignore_conflicts=True,
    )
    made = _products(entries, shelves)
    Product.objects.bulk_create(made, ignore_conflicts=True)
    _complete_bare(made)
    return Filled(
        categories=Category.objects.count() - categories,
        products=Product.objects.count() - products,
        opening={entry["sku"]: entry["stock"] for entry in entries},
    )


def _complete_bare(products: list[Product]) -> None:
    """Fill in the ones that an event named before the seed came: they have a sku and nothing else."""
    bare = set(
        Product.objects.filter(sku__in=[product.sku for product in products], title=F("sku")).values_list(
            "sku", flat=True
        )
    )
    for product in products:
        if product.sku in bare:
            product.save(force_update=True)


def _products(entries: list[Entry], shelves: Shelves) -> list[Product]:
    """The entries as rows, each a day older than the next newer one."""
    newest = {sku: age for age, sku in enumerate(shelves["newest"])}
    now = timezone.now()
    return [
        Product(
            sku=entry["sku"],
            title=entry["title"],
            description=shelves["descriptions"].get(entry["sku"], ""),
            category_id=entry["category"],
            price=Decimal(entry["price"]),
            currency=settings.SHOP_CURRENCY,  # made-up prices fit any
            picture=f"{STATIC}/{entry['picture']}",
            listed=True,
            created_at=now - timedelta(days=newest.get(entry["sku"], len(newest) + position)),
        )
        for position, entry in enumerate(entries)
    ]
