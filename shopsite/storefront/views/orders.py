"""An order's page, alive, and what can be done with it. urls.py -> here -> orders.selectors, fulfilment."""

from collections.abc import Sequence

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpResponse, HttpResponseNotModified, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orders import payments
from orders.models import Mail, Order
from orders.papers import receipt_page
from orders.selectors import FINAL, OrderView, order_view
from orders.states import Status
from shopsite.fulfilment import BeingPaid, ForbiddenMove, InvalidCart, OutOfStock, cancel_order, pay_again
from shopsite.storefront import carts
from shopsite.storefront.access import own_order
from shopsite.storefront.clicks import note
from shopsite.storefront.forms import CardForm, FindForm, summary
from shopsite.storefront.items import items, products
from shopsite.storefront.tracking import SHORT, mail_states, tracking, version_of
from shopsite.storefront.visitors import ShopRequest, keep_found

PER_PAGE = 10
LOOK_AGAIN = "X-Look-Again"  # sent by order.js: the same page once more is no new view of it
TOO_LATE = "It is too late to cancel: the order has moved on. You may return it for 30 days."
FIND = {
    "title": "Find an order",
    "lead": "Ordered in another browser, without an account? It opens here by its number and your e-mail.",
    "button": "Find it",
    "nothing": "",
}


@never_cache
@require_safe
@own_order
def order(request: ShopRequest, order: Order) -> HttpResponse:
    """Where the order is, what is in it, what we wrote."""
    if LOOK_AGAIN not in request.headers:
        note(request, "page_view")
    view = order_view(order.order_id)
    states = [mail.state for mail in view.mails]
    page = payments.gateway().page
    context = {
        "page": page,
        "view": view,
        "order": view.order,
        "tracking": tracking(view, page=page),
        "version": version_of(view.order, states),
        "is_over": _is_over(view.order, states),
        "show_mails": settings.DEMO or request.user.is_staff,
        "still_there": view.can_pay_again and _still_there(view),
    }
    return render(request, "storefront/order.html", context)


@never_cache
@require_safe
@own_order
def status(request: ShopRequest, order: Order) -> HttpResponseBase:
    """The version of the order's page, for order.js: a 304 where it would read the same."""
    mails = mail_states(order)
    version = version_of(order, mails)
    tag = {"ETag": f'"{version}"'}
    if request.headers.get("If-None-Match") == tag["ETag"]:
        return HttpResponseNotModified(headers=tag)
    news = {"status": order.status, "version": version, "over": _is_over(order, mails)}
    return JsonResponse(news, headers=tag)


def _is_over(order: Order, mails: Sequence[str]) -> bool:
    """Whether the page will never read otherwise by itself; `mails` are the states of its mails."""
    return order.status in FINAL and Mail.State.DUE not in mails


def _still_there(view: OrderView) -> bool:
    """Whether all of an unpaid order could be had now."""
    wanted = [line.product_id for line in view.lines]
    left = {item.sku: item.left for item in items(products().filter(sku__in=wanted))}
    return all(left.get(line.product_id, 0) >= line.quantity for line in view.lines)


@sensitive_post_parameters("card_number", "card_until", "card_code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@own_order
def pay(request: ShopRequest, order: Order) -> HttpResponseBase:
    """Try another card after a payment that failed."""
    view = order_view(order.order_id)
    form = CardForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        note(request, "page_view")
    if not view.can_pay_again or (form.is_valid() and _paid_again(request, order, form)):
        return redirect("order", order.order_id)
    faults = summary(form) if form.is_bound else []
    context = {"view": view, "order": view.order, "form": form, "faults": faults}
    return render(request, "storefront/pay.html", context)


def _paid_again(request: ShopRequest, order: Order, form: CardForm) -> bool:
    """Whether the order's page has the news; else the form has a complaint."""
    try:
        pay_again(order_id=order.order_id, card=form.card_digits())
    except OutOfStock:
        messages.warning(request, "Some of it has been sold meanwhile. Nothing was charged.")
    except ForbiddenMove:  # another window was faster
        messages.warning(request, "This order is being paid already.")
    except InvalidCart as error:
        form.add_error(None, f"{error} ")
        return False
    else:
        note(request, "add_payment_info")
    return True


@require_POST
@own_order
def cancel(request: ShopRequest, order: Order) -> HttpResponseBase:
    """Cancel an order that has not left, as its shopper wishes."""
    actor = request.user.get_username() or f"visitor {request.visitor.id}"
    try:
        cancel_order(order_id=order.order_id, actor=actor, why="the shopper cancelled")
    except BeingPaid as error:
        messages.warning(request, str(error))
    except ForbiddenMove:
        messages.warning(request, TOO_LATE)
    return redirect("order", order.order_id)


@never_cache
@require_safe
@own_order
def receipt(request: ShopRequest, order: Order) -> HttpResponseBase:
    """The receipt, to be printed; before an order is paid there is none."""
    return receipt_page(request, order) if order.paid_at else redirect("order", order.order_id)


@require_POST
@own_order
def again(request: ShopRequest, order: Order) -> HttpResponseBase:
    """Put an order's products into the cart."""
    for line in order.lines.select_related("product").order_by("pk"):
        # what is not sold any more goes along: the cart says so, as of a price that changed
        carts.add(request.visitor.id, line.product_id, line.title, line.quantity, line.price)
        if line.product.listed and line.product.price is not None:
            shelf = line.product.category_id
            note(request, "add_to_cart", product_id=line.product_id, category=shelf, is_page=False)
    return redirect("cart")


@never_cache
@require_safe
def orders(request: ShopRequest) -> HttpResponse:
    """The visitor's orders and the account's, newest first."""
    note(request, "page_view")
    mine = Q(account=None, user_id=request.visitor.id)
    if isinstance(request.user, User):
        mine |= Q(account=request.user)
    found = Order.objects.filter(mine).order_by("-placed_at", "pk")
    page = Paginator(found.prefetch_related("lines__product__category"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    shown = [{"order": one, "words": SHORT[Status(one.status)], "lines": one.lines.all()} for one in page]
    return render(request, "storefront/orders.html", {"page": page, "shown": shown})


@sensitive_post_parameters("email")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def find(request: ShopRequest) -> HttpResponseBase:
    """Open an order in a browser that did not make it, for who knows its number and e-mail."""
    form = FindForm(request.POST if request.method == "POST" else None)
    if request.method != "POST":
        note(request, "page_view")
    elif form.is_valid() and form.order:
        response = redirect("order", form.order.order_id)  # an account's asks to log in there
        if form.order.account_id is None:
            keep_found(response, request.visitor, form.order.order_id, secure=request.is_secure())
        return response
    faults = summary(form) if form.is_bound else []
    return render(request, "storefront/account.html", {"form": form, "faults": faults, **FIND})
