"""Find products: a word, filters, an order, a page. /search and /c/<slug>/ -> here -> items.

The address holds the whole search, so every link on the page is the address with one thing changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, F, IntegerField, Max, Min, Q, QuerySet, Value, When
from django.http import QueryDict

from shopsite.catalogue.models import Product
from shopsite.storefront.context import Shelf
from shopsite.storefront.items import IN_STOCK, products

PER_PAGE = 24
MAX_CHARS, MAX_WORDS = 80, 6  # of what is looked for: longer finds nothing, and costs a scan a word
SORTS = {
    "match": "Best match",
    "new": "Newest",
    "price": "Price, low to high",
    "-price": "Price, high to low",
    "few": "Few left first",
}


@dataclass(frozen=True)
class Search:
    """What is looked for, as the address says it."""

    words: str = ""
    shelves: tuple[str, ...] = ()
    low: Decimal | None = None
    high: Decimal | None = None
    in_stock: bool = False
    sort: str = "match"

    @classmethod
    def read(cls, query: QueryDict) -> "Search":
        """The search that an address means; what makes no sense in it is left out."""
        sort = query.get("sort", "match")
        low, high = _price(query.get("from", "")), _price(query.get("to", ""))
        if low is not None and high is not None and low > high:
            low, high = high, low
        return cls(
            words=" ".join(query.get("q", "").replace("\0", " ").split())[:MAX_CHARS].strip(),
            shelves=tuple(dict.fromkeys(slug for slug in query.getlist("category") if slug))[:50],
            low=low,
            high=high,
            in_stock=query.get("stock") == "1",
            sort=sort if sort in SORTS else "match",
        )

    @property
    def filters(self) -> int:
        """How many filters are set."""
        return len(self.shelves) + (self.low is not None) + (self.high is not None) + self.in_stock

    def query(self, **changes: object) -> str:
        """The address of this search with something changed, from its question mark on."""
        changed = replace(self, **changes)  # type: ignore[arg-type]  # the names and types are those above
        pairs = [("q", changed.words)] if changed.words else []
        pairs += [("category", slug) for slug in changed.shelves]
        pairs += [("from", str(changed.low))] if changed.low is not None else []
        pairs += [("to", str(changed.high))] if changed.high is not None else []
        pairs += [("stock", "1")] if changed.in_stock else []
        pairs += [("sort", changed.sort)] if changed.sort != "match" else []
        return f"?{urlencode(pairs)}" if pairs else "?"


def _price(text: str) -> Decimal | None:
    try:
        price = Decimal(text.strip().replace(",", ".")[:20])
    except InvalidOperation:
        return None
    return price if price.is_finite() and 0 <= price < 10**9 else None


@dataclass(frozen=True)
class Facets:
    """What could be chosen among the products that the words find."""

    size: int  # how many there are
    shelves: Sequence[tuple[Shelf, int]]  # with how many each has
    low: Decimal | None
    high: Decimal | None


def facets(search: Search, shelves: Sequence[Shelf]) -> Facets:
    """The filters' choices, in one query; they stay as they are while filters are set."""
    rows = (
        _matching(search.words)
        .order_by()
        .values("category_id")
        .annotate(size=Count("pk"), low=Min("price"), high=Max("price"))
    )
    found = {row["category_id"]: row for row in rows}
    return Facets(
        size=sum(row["size"] for row in found.values()),
        shelves=[(shelf, found[shelf.slug]["size"]) for shelf in shelves if shelf.slug in found],
        low=min((row["low"] for row in found.values()), default=None),
        high=max((row["high"] for row in found.values()), default=None),
    )


def found(search: Search, page: str | None) -> Page[Product]:
    """One page of what the search finds; a page that is not there is the nearest that is."""
    rows = _matching(search.words)
    if search.shelves:
        rows = rows.filter(category__in=search.shelves)
    if search.low is not None:
        rows = rows.filter(price__gte=search.low)
    if search.high is not None:
        rows = rows.filter(price__lte=search.high)
    if search.in_stock:
        rows = rows.filter(IN_STOCK)
    return Paginator(_sorted(rows, search), PER_PAGE).get_page(page)


def _matching(words: str) -> QuerySet[Product]:
    rows = products()
    for word in words.split()[:MAX_WORDS]:
        rows = rows.filter(
            Q(title__icontains=word)
            | Q(description__icontains=word)
            | Q(category__name__icontains=word)
            | Q(sku__iexact=word)
        )
    return rows


def _sorted(rows: QuerySet[Product], search: Search) -> QuerySet[Product]:
    if search.sort == "new":
        return rows.order_by("-created_at", "sku")
    if search.sort in ("price", "-price"):
        return rows.order_by(search.sort, "sku")
    if search.sort == "few":
        left = F("level__on_hand") - F("level__reserved")
        gone = Case(
            When(level__tracked=True, level__on_hand__gt=F("level__reserved"), then=Value(0)),
            When(level__tracked=True, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        )
        return rows.order_by(gone, left, "sku")
    if not search.words:
        return rows.order_by("category__position", "sku")
    return rows.order_by(_rank(search.words), "sku")


def _rank(words: str) -> Case:
    """0 where the title begins with what was looked for, then a word of it, then inside, then elsewhere."""
    return Case(
        When(title__istartswith=words, then=Value(0)),
        When(title__icontains=f" {words}", then=Value(1)),
        When(title__icontains=words, then=Value(2)),
        default=Value(3),
        output_field=IntegerField(),
    )
