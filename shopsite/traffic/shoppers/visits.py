"""What somebody does on one visit, page by page. A random, a person, the world -> here -> acts with pauses.

Nothing here knows the time or the shop: the same random gives the same visit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from shopsite.events.schemas import ClickType
from shopsite.fulfilment import TEST_CARDS, CartLine
from shopsite.traffic.shoppers.people import Person
from shopsite.traffic.shoppers.world import Goods, World

LONGEST_VISIT = 40  # pages
STAYS = 0.78  # goes on to a next page, after each
PUTS_IN_CART = 0.042  # at each product page, times the person's zeal
TAKES_COMPANION = 0.25  # whoever puts one in the cart takes what goes with it, too
AFTER_CART = 0.55  # goes on browsing, once something is in the cart
TAKES_OUT = 0.12
BEGINS_CHECKOUT = 0.55
PAYS = 0.72
APPROVED, DECLINED, INSUFFICIENT, TIMES_OUT = (card.number for card in TEST_CARDS[:4])
CARDS = {APPROVED: 90, DECLINED: 4, INSUFFICIENT: 3, TIMES_OUT: 3}


@dataclass(frozen=True, slots=True)
class Act:
    """A page that is opened, or a button that is pressed on one."""

    pause: float  # seconds since the act before
    type: ClickType
    path: str
    came_from: str | None = None  # the shop's page before; None where the visit begins, or for a button
    product_id: str | None = None
    search: str | None = None
    results: int | None = None  # how many products the search found
    category: str | None = None  # slug of the shelf


@dataclass(frozen=True, slots=True)
class Purchase:
    """The form of the checkout is sent."""

    pause: float
    lines: tuple[CartLine, ...]
    card: str
    tries_again: bool  # with a card that is approved, where the first one is not


Deed = Act | Purchase
SENDS_FORM = Act(0.0, "add_payment_info", "/checkout/", "/checkout/")  # what the storefront tells of it


def visit(random: Random, world: World, person: Person, offer: Goods | None = None) -> Iterator[Deed]:
    """The deeds of one visit, at most LONGEST_VISIT pages. offer: what a flash sale brought them for."""
    return _Visit(random, world, person, offer).deeds()


class _Visit:
    """One person's way through the shop."""

    def __init__(self, random: Random, world: World, person: Person, offer: Goods | None) -> None:
        self.random = random
        self.world = world
        self.person = person
        self.offer = offer
        self.cart: dict[Goods, int] = {}
        self.page: str | None = None  # where they are
        self.liking = person.zeal * (2.5 if offer else 1.0)

    def deeds(self) -> Iterator[Deed]:
        yield from self._open(self.offer or self.person.source.landing)
        for _ in range(LONGEST_VISIT):
            if self.cart and self.random.random() > AFTER_CART:
                yield from self._check_out()
                return
            if self.random.random() > STAYS:
                return
            yield from self._open(self._next())

    def _next(self) -> str | Goods:
        """Where to go from here."""
        kind = self.random.choices(("product", "shelf", "search", "home"), weights=(62, 22, 12, 4))[0]
        return self.world.popular(self.random) if kind == "product" else kind

    def _open(self, what: str | Goods) -> Iterator[Deed]:
        """Open a page of a kind, or a product's, and what follows from it."""
        if what == "product":
            what = self.world.popular(self.random)
        if isinstance(what, Goods):
            yield from self._look_at(what)
        elif what == "shelf":
            shelf = self.world.popular(self.random).shelf
            yield self._page("view_item_list", f"/c/{shelf}/" if shelf else "/search", category=shelf or None)
            if self.random.random() < 0.6:
                yield from self._look_at(self.world.beside(self.random, shelf))
        elif what == "search":
            words, found = self.world.search(self.random)
            yield self._page("search", "/search", search=words, results=len(found))
            if found and self.random.random() < 0.7:
                yield from self._look_at(found[0])
        else:
            yield self._page("page_view", "/")

    def _look_at(self, goods: Goods) -> Iterator[Deed]:
        """A product's page, and perhaps its button."""
        path = f"/p/{goods.sku}/"
        yield self._page("view_item", path, product_id=goods.sku, category=goods.shelf or None)
        if self.random.random() < PUTS_IN_CART * self.liking:
            count = self.random.choices((1, 2, 3), weights=(82, 14, 4))[0]
            yield self._put_in_cart(goods, count)
            companion = self.world.companion(goods)
            if companion not in self.cart and self.random.random() < TAKES_COMPANION:
                path = f"/p/{companion.sku}/"
                category = companion.shelf or None
                yield self._page("view_item", path, product_id=companion.sku, category=category)
                yield self._put_in_cart(companion, 1)

    def _put_in_cart(self, goods: Goods, count: int) -> Act:
        self.cart[goods] = self.cart.get(goods, 0) + count
        category = goods.shelf or None
        return Act(
            self._reading(), "add_to_cart", f"/p/{goods.sku}/", product_id=goods.sku, category=category
        )

    def _check_out(self) -> Iterator[Deed]:
        """From the cart to the payment; most get lost on the way."""
        yield self._page("view_cart", "/cart/")
        if self.random.random() < TAKES_OUT:
            goods = self.random.choice(list(self.cart))
            del self.cart[goods]
            yield Act(self._reading(), "remove_from_cart", "/cart/", product_id=goods.sku)
        if not self.cart or self.random.random() > BEGINS_CHECKOUT:
            return
        yield self._page("begin_checkout", "/checkout/")
        if self.random.random() > PAYS:
            return
        lines = tuple(
            CartLine(product_id=goods.sku, title=goods.title, quantity=count, price=goods.price)
            for goods, count in self.cart.items()
        )
        card = self.random.choices(list(CARDS), weights=list(CARDS.values()))[0]
        yield Purchase(self.random.uniform(20, 70), lines, card, self.random.random() < 0.6)

    def _page(
        self,
        kind: ClickType,
        path: str,
        *,
        product_id: str | None = None,
        search: str | None = None,
        results: int | None = None,
        category: str | None = None,
    ) -> Act:
        """A page that is opened after the present one."""
        came_from, self.page = self.page, path
        pause = self._reading() if came_from else 0.0
        return Act(pause, kind, path, came_from, product_id, search, results, category)

    def _reading(self) -> float:
        """Seconds that a page holds somebody: most few, some long."""
        return min(self.random.lognormvariate(2.0, 0.8), 120.0)


def crawl(random: Random, world: World) -> Iterator[Deed]:
    """A robot takes one product page after the other."""
    for goods in random.sample(world.goods, k=min(len(world.goods), random.randrange(20, 60))):
        yield Act(random.uniform(0.4, 1.2), "view_item", f"/p/{goods.sku}/", product_id=goods.sku)
