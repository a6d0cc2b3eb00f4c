"""Small choices of products for the pages. Home, cart and empty pages -> here -> items.

What needs a look over many rows is kept for a minute: a page may be that old.
"""

from collections.abc import Sequence
from datetime import timedelta

from django.core.cache import cache
from django.db.models import F, Sum
from django.utils import timezone

from dashboards.answers import kept
from orders.models import Line
from shopsite.storefront.items import FEW, IN_STOCK, Item, items, products

KEPT_SECONDS = 60
OFTEN_DAYS = 7


def newest(count: int) -> list[Item]:
    """The products that came last."""
    return items(products().order_by("-created_at", "sku")[:count])


def few_left(count: int) -> list[Item]:
    """Products of which only a few are left, the scarcest first; sold-out ones at the end."""
    scarce = products().filter(level__tracked=True, level__on_hand__lte=F("level__reserved") + FEW)
    return sorted(items(scarce.order_by("sku")[:50]), key=lambda item: (item.is_out, item.left))[:count]


def related(to: Item, count: int) -> list[Item]:
    """Other products of the shelf, those that can be bought first."""
    shelf = items(products().filter(category=to.category).exclude(sku=to.sku)[: 4 * count])
    return sorted(shelf, key=lambda item: item.is_out)[:count]


def goes_with(chosen: Sequence[Item], count: int) -> list[Item]:
    """Small things of the same shelves, at most two of each, that are not chosen yet."""
    shelves = list(dict.fromkeys(item.category for item in chosen if item.category))
    rows = products().filter(IN_STOCK, category__in=shelves).exclude(sku__in=[item.sku for item in chosen])
    small = items(rows.order_by("price", "sku")[: 8 * count])
    picked = [item for shelf in shelves for item in [one for one in small if one.category == shelf][:2]]
    return (picked + [item for item in small if item not in picked])[:count]


def trending(count: int) -> list[Item]:
    """What is looked at far more than usual and is there; nothing where nobody knows."""
    skus: list[str] = cache.get_or_set("trending", _trending, KEPT_SECONDS) or []
    return _in_this_order(skus)[:count]


def _trending() -> list[str]:
    return [trend.product_id for trend in kept.trending() or ()]


def bought_with(sku: str, count: int) -> list[Item]:
    """What is often bought in one order with it and is there, the closest first."""
    return _in_this_order([partner.product_id for partner in kept.bought_with(sku)])[:count]


def _in_this_order(skus: Sequence[str]) -> list[Item]:
    """Those of them that can be bought."""
    by_sku = {item.sku: item for item in items(products().filter(IN_STOCK, sku__in=skus))} if skus else {}
    return [by_sku[sku] for sku in skus if sku in by_sku]


def bought_often(count: int) -> list[Item]:
    """What sold best in the last days and is there; the newest where nothing has sold yet."""
    best: list[str] = cache.get_or_set("often", _best_sellers, KEPT_SECONDS) or []
    often = _in_this_order(best)[:count]
    return often if len(often) == count else newest(count)


def _best_sellers() -> list[str]:
    since = timezone.now() - timedelta(days=OFTEN_DAYS)
    sold = Line.objects.filter(order__placed_at__gte=since, product__listed=True)
    ranked = sold.values("product_id").annotate(sold=Sum("quantity")).order_by("-sold", "product_id")
    return [row["product_id"] for row in ranked[:12]]
