"""The cart's page and its buttons. urls.py -> here -> carts.py."""

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from shopsite.storefront import carts, selectors
from shopsite.storefront.clicks import note
from shopsite.storefront.items import MOST, Item, item, products
from shopsite.storefront.visitors import ShopRequest

IN_A_ROW = 4


@require_safe
def cart(request: ShopRequest) -> HttpResponse:
    """What is in the cart, what became of it, and what it costs."""
    note(request, "view_cart")
    mine = carts.cart_of(request.visitor.id)
    chosen = [line.item for line in mine.lines]
    also = selectors.goes_with(chosen, IN_A_ROW) if chosen else selectors.bought_often(IN_A_ROW)
    page = render(request, "storefront/cart.html", {"cart": mine, "also": also})
    if mine.has_news and request.method == "GET":
        carts.was_told(request.visitor.id, mine)
    return page


@require_POST
def add(request: ShopRequest) -> HttpResponseBase:
    """Put something into the cart; answers JSON to the page's script, else goes on to the cart."""
    chosen = item(get_object_or_404(products(), sku=request.POST.get("sku", "")))
    count = _count(request.POST.get("quantity", "1"))
    wished = 0
    if chosen.left:
        wished = carts.add(request.visitor.id, chosen.sku, chosen.title, count, chosen.price)
    if wished:
        note(request, "add_to_cart", product_id=chosen.sku, category=chosen.category, is_page=False)
    level, said = _said(chosen, count, wished)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"level": level, "said": said, "tally": carts.tally(request.visitor.id)})
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, None):
        return redirect("cart")
    words = format_html('{} <a href="{}">See the cart</a>', said, reverse("cart"))
    messages.add_message(request, messages.SUCCESS if level == "good" else messages.WARNING, words)
    return redirect(back)


def _said(chosen: Item, count: int, wished: int) -> tuple[str, str]:
    """The colour and the sentence that say what is in the cart now."""
    if not wished:
        return "warn", f"{chosen.title} has just sold out."
    if wished > chosen.left:
        are = "is" if chosen.left == 1 else "are"
        return "warn", f"Only {chosen.left} {are} left; your cart has {chosen.left} {chosen.title}."
    if wished == MOST:
        return "warn", f"Your cart has {MOST} {chosen.title}, the most of one product in an order."
    return "good", f"In your cart: {count} {chosen.title}."


@require_POST
def set_quantity(request: ShopRequest) -> HttpResponseBase:
    """Change a line, or take it away with 0."""
    sku, count = request.POST.get("sku", ""), _count(request.POST.get("quantity", ""), least=0)
    if carts.set_quantity(request.visitor.id, sku, count) and not count:
        note(request, "remove_from_cart", product_id=sku, is_page=False)
    return redirect("cart")


def _count(text: str, least: int = 1) -> int:
    """A quantity as a form sends it; what is none is the least."""
    return max(least, min(MOST, int(text))) if text.isascii() and text.isdigit() and len(text) < 4 else least
