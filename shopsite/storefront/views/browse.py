"""Look around: home, a shelf, a search, a product. urls.py -> here -> search.py, selectors.py."""

from collections.abc import Sequence
from dataclasses import replace

from django.contrib import messages
from django.core.paginator import Page
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from dashboards.access import is_staff, may_watch
from shopsite.catalogue.models import Category, Product
from shopsite.storefront import delivery, selectors, waiting
from shopsite.storefront.clicks import note
from shopsite.storefront.context import Frame, shelf_of
from shopsite.storefront.forms import TellMeForm
from shopsite.storefront.items import Item, item, items, products
from shopsite.storefront.search import SORTS, Facets, Search, facets, found
from shopsite.storefront.templatetags.shop import about

IN_A_ROW = 4
LONGEST_LIST = 10  # of quantities on a product's page; the cart takes more
BANDS = ("home", "sport")  # shelves that the first page has a picture of, where the shop has them
COSTS = {"cost": delivery.COST, "free_from": delivery.FREE_FROM}


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What is new, what everybody looks at, and what is almost gone."""
    note(request, "page_view")
    newest, few = selectors.newest(2 * IN_A_ROW), selectors.few_left(IN_A_ROW)
    bands = [shelf.slug for shelf in Frame(request).shelves if shelf.slug in BANDS]
    context = {"newest": newest, "few": few, "bands": bands, "trending": selectors.trending(IN_A_ROW)}
    return render(request, "storefront/home.html", {**context, **COSTS})


@require_safe
def category(request: HttpRequest, slug: str) -> HttpResponse:
    """One shelf, with the same filters and order as a search."""
    shelf = get_object_or_404(Category, slug=slug)
    note(request, "view_item_list", category=shelf.slug)
    return _results(request, Search.read(request.GET), shelf)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What the words and filters of the address find; all there is without any."""
    wanted = Search.read(request.GET)
    if not wanted.words:
        note(request, "view_item_list")
    return _results(request, wanted, None)


def _results(request: HttpRequest, wanted: Search, shelf: Category | None) -> HttpResponse:
    looked_for = replace(wanted, shelves=(shelf.slug,)) if shelf else wanted
    page = found(looked_for, request.GET.get("page"))
    if not shelf and wanted.words:
        note(request, "search", search=wanted.words, results=page.paginator.count)
    choices = facets(wanted, [shelf_of(shelf)] if shelf else Frame(request).shelves)
    plain = replace(wanted, shelves=()) if shelf else wanted  # the shelf is in the path already
    shown = items(page.object_list)
    has_filters = choices.size > 0
    chips = [] if shelf and not plain.filters else _chips(plain, choices)
    return render(
        request,
        "storefront/search.html",
        {
            "search": plain,
            "shelf": shelf,
            "title": _title(wanted, shelf, choices),
            "here": reverse("category", args=[shelf.slug]) if shelf else reverse("search"),
            "page": page,
            "items": shown,
            "count": _count(page, choices, chips),
            "facets": choices,
            "has_filters": has_filters,
            "chips": chips,
            "cleared": Search(words=plain.words, sort=plain.sort).query(),
            "sort": SORTS[plain.sort],
            "sorts": [
                {"name": name, "query": plain.query(sort=key), "is_now": key == plain.sort}
                for key, name in SORTS.items()
            ],
            "query": _and(plain.query()),
            "numbers": page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1),
            "often": []
            if shown
            else selectors.bought_often(IN_A_ROW - (choices.size > 0)),  # filters take a place
        },
    )


def _title(wanted: Search, shelf: Category | None, choices: Facets) -> str:
    if shelf:
        return shelf.name
    if not wanted.words:
        return "All products"
    return f"“{wanted.words}”" if choices.size else f"Nothing for “{wanted.words}”"


def _and(query: str) -> str:
    return query if query == "?" else f"{query}&"


def _count(page: Page[Product], choices: Facets, chips: Sequence[object]) -> str:
    count = page.paginator.count
    if chips:
        return f"{count} of {choices.size}"
    return "1 product" if count == 1 else f"{count} products"


def _chips(search: Search, choices: Facets) -> list[dict[str, str]]:
    """The filters that are set, each with the address without it."""
    names = {shelf.slug: shelf.name for shelf, _ in choices.shelves}
    chips = [
        {
            "name": names.get(slug, slug),
            "query": search.query(shelves=tuple(other for other in search.shelves if other != slug)),
        }
        for slug in search.shelves
    ]
    if search.low is not None:
        chips.append({"name": f"From {about(search.low)}", "query": search.query(low=None)})
    if search.high is not None:
        chips.append({"name": f"Up to {about(search.high)}", "query": search.query(high=None)})
    if search.in_stock:
        chips.append({"name": "In stock", "query": search.query(in_stock=False)})
    return chips


@require_safe
def product(request: HttpRequest, sku: str) -> HttpResponse:
    """One product, with others of its shelf below."""
    shown = item(get_object_or_404(products(), sku=sku))
    note(request, "view_item", product_id=shown.sku, category=shown.category)
    return _product_page(request, shown, TellMeForm())


def _product_page(request: HttpRequest, shown: Item, form: TellMeForm) -> HttpResponse:
    now = timezone.localtime()
    leaves_today = delivery.posted_on(now).date() == now.date()
    return render(
        request,
        "storefront/product.html",
        {
            "item": shown,
            "form": form,
            "shelf": {"slug": shown.category},
            "counts": range(1, min(LONGEST_LIST, shown.left) + 1),
            "posted": "ready to post today" if leaves_today else "ready to post on the next weekday",
            "together": selectors.bought_with(shown.sku, IN_A_ROW),
            "staff_pages": _staff_pages(request, shown.sku),
            "related": selectors.related(shown, IN_A_ROW) if shown.category else [],
            **COSTS,
        },
    )


def _staff_pages(request: HttpRequest, sku: str) -> dict[str, str]:
    """What a member of staff may open about a product: words and address of each page."""
    pages = {}
    if may_watch(request.user):
        pages["how it sells"] = reverse("product_figures", args=[sku])
    if is_staff(request.user) and request.user.has_perm("catalogue.view_product"):
        pages["in the admin"] = reverse("admin:catalogue_product_change", args=[sku])
    return pages


@require_POST
def tell_me(request: HttpRequest, sku: str) -> HttpResponseBase:
    """Take the address of somebody who waits for a product."""
    shown = item(get_object_or_404(products(), sku=sku))
    form = TellMeForm(request.POST)
    if not form.is_valid():
        return _product_page(request, shown, form)
    waiting.ask(sku, form.cleaned_data["email"])
    messages.success(request, f"We will write once to {form.cleaned_data['email']} when it is back.")
    return redirect(shown.url)
