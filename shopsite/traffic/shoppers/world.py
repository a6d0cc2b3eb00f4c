"""What shoppers find: products, how popular each is, what is searched. Catalogue -> here -> visits.py."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from random import Random

from shopsite.catalogue.selectors import listed_products

SKEW = 0.9  # of popularity (Zipf): the first of 78 products gets about a seventh of all views
# What people look for in vain; the rest of the searches are words of titles.
SOUGHT_IN_VAIN = ("gift card", "hoodie", "espresso machine", "garden chair", "sunscreen", "size 52", "kajak")
IN_VAIN = 0.18  # of all searches


class NothingToSell(Exception):
    """The catalogue has no listed product: seed it first."""


@dataclass(frozen=True)
class Goods:
    """A product as a shopper sees it."""

    sku: str
    title: str
    shelf: str  # slug of its category; empty where it has none
    price: Decimal


class World:
    """The shop of one seed: the same products are popular every time."""

    def __init__(self, goods: Sequence[Goods], seed: int) -> None:
        if not goods:
            raise NothingToSell("no product is listed: run `manage.py seed`")
        ranked = sorted(goods, key=lambda one: one.sku)
        Random(f"{seed}/popularity").shuffle(ranked)
        self.seed = seed
        self.goods = tuple(ranked)
        self._ladder = tuple(accumulate(1 / rank**SKEW for rank in range(1, len(ranked) + 1)))
        self._shelves: dict[str, tuple[Goods, ...]] = {}
        for one in ranked:
            self._shelves[one.shelf] = (*self._shelves.get(one.shelf, ()), one)
        self._words = sorted({word.lower() for one in ranked for word in one.title.split() if len(word) > 3})

    def popular(self, random: Random) -> Goods:
        """A product, the popular ones more often."""
        return random.choices(self.goods, cum_weights=self._ladder)[0]

    def beside(self, random: Random, shelf: str) -> Goods:
        """A product of a shelf, the ones in front more often."""
        row = self._shelves[shelf]
        return row[min(int(random.expovariate(0.4)), len(row) - 1)]

    def companion(self, goods: Goods) -> Goods:
        """What goes well with a product: its neighbour on the shelf, and the other way round."""
        row = self._shelves[goods.shelf]
        place = row.index(goods) ^ 1
        return row[place] if place < len(row) else row[0]

    def talked_of(self) -> Goods:
        """What people have just begun to talk about: none of those that sell best anyway."""
        return Random(f"{self.seed}/talk").choice(self.goods[len(self.goods) // 3 :])

    def search(self, random: Random) -> tuple[str, tuple[Goods, ...]]:
        """Words that somebody looks for, and what they find, most popular first."""
        if not self._words or random.random() < IN_VAIN:
            return random.choice(SOUGHT_IN_VAIN), ()
        word = random.choice(self._words)
        return word, tuple(one for one in self.goods if word in one.title.lower())


def load_world(seed: int) -> World:
    """The world of the catalogue as it is now. Raises NothingToSell."""
    return World(
        [
            Goods(sku=one.sku, title=one.title, shelf=one.category_id or "", price=one.price)
            for one in listed_products()
            if one.price is not None
        ],
        seed,
    )
