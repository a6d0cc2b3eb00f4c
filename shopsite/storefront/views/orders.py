"""An order's page, alive, and the shopper's orders. urls.py -> here -> orders.selectors, fulfilment.

An order with an account is its account's; one without belongs to the browser that made it. Staff see all.
Whoever else has the address learns nothing, not even whether there is such an order.
"""

from hashlib import sha256

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from orders.models import Order
from orders.selectors import OrderView, order_view
from orders.states import Status
from shopsite.fulfilment import ForbiddenMove, InvalidCart, OutOfStock, cancel_order, pay_again
from shopsite.storefront import carts
from shopsite.storefront.clicks import note
from shopsite.storefront.forms import CardForm, summary
from shopsite.storefront.items import items, products
from shopsite.storefront.tracking import SHORT, tracking
from shopsite.storefront.visitors import ShopRequest

PER_PAGE = 10
LOOK_AGAIN = "X-Look-Again"  # sent by order.js: the same page once more is no new view of it


class NotYours(Exception):
    """Answer as for an order that does not exist; `log_in`: its owner is known to use this browser."""

    def __init__(self, *, log_in: bool = False) -> None:
        super().__init__("There is no such order for this visitor.")
        self.log_in = log_in


def _may_see(request: ShopRequest, order: Order) -> bool:
    user = request.user
    if user.is_staff and user.has_perm("orders.view_order"):
        return True
    if order.account_id is not None:
        return order.account_id == user.pk
    return bool(order.user_id) and not request.visitor.is_new and order.user_id == request.visitor.id


def _check(request: ShopRequest, order_id: str) -> Order:
    """The order, for who may see it. Raises NotYours."""
    order = Order.objects.filter(pk=order_id).first()
    if order is None:
        raise NotYours
    if not _may_see(request, order):
        raise NotYours(log_in=order.user_id == request.visitor.id and not request.user.is_authenticated)
    return order


def _refuse(request: ShopRequest, refusal: NotYours) -> HttpResponseBase:
    if refusal.log_in:
        return redirect_to_login(request.get_full_path())
    return render(request, "storefront/order_hidden.html", status=404)


@never_cache
@require_safe
def order(request: ShopRequest, order_id: str) -> HttpResponseBase:
    """Where the order is, what was in it, what we wrote."""
    try:
        _check(request, order_id)
    except NotYours as refusal:
        return _refuse(request, refusal)
    if LOOK_AGAIN not in request.headers:
        note(request, "page_view")
    view = order_view(order_id)
    context = {
        "view": view,
        "order": view.order,
        "tracking": tracking(view),
        "version": _version(view.order, len(view.mails)),
        "show_mails": settings.DEMO or request.user.is_staff,
        "still_there": _still_there(view) if view.status == Status.PAYMENT_FAILED else False,
    }
    return render(request, "storefront/order.html", context)


@never_cache
@require_safe
def status(request: ShopRequest, order_id: str) -> HttpResponseBase:
    """The version of the order's page, for order.js: a 304 where nothing has changed."""
    try:
        found = _check(request, order_id)
    except NotYours:
        return JsonResponse({"error": "not found"}, status=404)
    version = _version(found, found.mails.count())
    if request.headers.get("If-None-Match") == f'"{version}"':
        return HttpResponseNotModified(headers={"ETag": f'"{version}"'})
    is_over = found.status in (Status.DELIVERED, Status.REFUNDED, Status.CANCELLED, Status.REJECTED)
    return JsonResponse(
        {"status": found.status, "version": version, "over": is_over}, headers={"ETag": f'"{version}"'}
    )


def _version(order: Order, mails: int) -> str:
    """Another one whenever the page would read otherwise."""
    facts = (order.status, order.changed_at.isoformat(), str(order.refunded), str(mails))
    return sha256("|".join(facts).encode()).hexdigest()[:16]


def _still_there(view: OrderView) -> bool:
    """Whether all of an unpaid order could be had now."""
    left = {one.sku: one.left for one in items(products().filter(sku__in=_skus(view)))}
    return all(left.get(line.product_id, 0) >= line.quantity for line in view.lines)


def _skus(view: OrderView) -> list[str]:
    return [line.product_id for line in view.lines]


@sensitive_post_parameters("card_number", "card_until", "card_code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: ShopRequest, order_id: str) -> HttpResponseBase:
    """Try another card after a payment that failed."""
    try:
        _check(request, order_id)
    except NotYours as refusal:
        return _refuse(request, refusal)
    view = order_view(order_id)
    if not view.can_pay_again:
        return redirect("order", order_id)
    form = CardForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            pay_again(order_id=order_id, card=form.card_digits())
        except OutOfStock:
            messages.warning(request, "Some of it has been sold meanwhile. Nothing was charged.")
            return redirect("order", order_id)
        except ForbiddenMove:  # another window was faster
            return redirect("order", order_id)
        except InvalidCart as error:
            form.add_error(None, f"{error} ")
        else:
            note(request, "add_payment_info")
            return redirect("order", order_id)
    elif request.method != "POST":
        note(request, "page_view")
    faults = summary(form) if form.is_bound else []
    return render(
        request, "storefront/pay.html", {"view": view, "order": view.order, "form": form, "faults": faults}
    )


@require_POST
def cancel(request: ShopRequest, order_id: str) -> HttpResponseBase:
    """Cancel an order that has not left, as its shopper wishes."""
    try:
        _check(request, order_id)
    except NotYours as refusal:
        return _refuse(request, refusal)
    try:
        cancel_order(order_id=order_id, actor=_actor(request), why="the shopper cancelled")
    except ForbiddenMove:
        messages.warning(
            request, "It is too late to cancel: the order has moved on. You may return it for 30 days."
        )
    return redirect("order", order_id)


@require_POST
def again(request: ShopRequest, order_id: str) -> HttpResponseBase:
    """Put an order's products into the cart."""
    try:
        _check(request, order_id)
    except NotYours as refusal:
        return _refuse(request, refusal)
    view = order_view(order_id)
    listed = set(products().filter(sku__in=_skus(view)).values_list("sku", flat=True))
    for line in view.lines:
        if line.product_id in listed:
            carts.add(request.visitor.id, line.product_id, line.quantity)
            note(request, "add_to_cart", product_id=line.product_id, is_page=False)
    return redirect("cart")


def _actor(request: ShopRequest) -> str:
    return request.user.get_username() or f"visitor {request.visitor.id}"


@never_cache
@require_safe
def orders(request: ShopRequest) -> HttpResponse:
    """The visitor's orders and the account's, newest first."""
    note(request, "page_view")
    page = Paginator(Order.objects.filter(_mine(request)).order_by("-placed_at", "pk"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    rows = list(
        Order.objects.filter(pk__in=[one.pk for one in page.object_list])
        .order_by("-placed_at", "pk")
        .prefetch_related("lines__product__category")
    )
    shown = [{"order": one, "words": SHORT[Status(one.status)], "lines": one.lines.all()} for one in rows]
    return render(request, "storefront/orders.html", {"page": page, "shown": shown})


def _mine(request: HttpRequest) -> Q:
    visitor = request.visitor  # type: ignore[attr-defined]
    mine = Q(account=None, user_id=visitor.id)
    return mine | Q(account=request.user) if isinstance(request.user, User) else mine
