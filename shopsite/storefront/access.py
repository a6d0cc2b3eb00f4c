"""Who may see an order. views/orders.py, sockets.py -> here.

An order with an account is its account's; one without belongs to the browser that made it, and to one that
knew its number and e-mail. Staff see all.
Whoever else has the address learns nothing, not even whether there is such an order.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http.response import HttpResponseBase
from django.shortcuts import render

from orders.models import Order
from shopsite.storefront.visitors import ShopRequest, Visitor

View = Callable[..., HttpResponseBase]


def may_see(order: Order, *, user: object, visitor: Visitor) -> bool:
    """Whether the order is the visitor's, the account's, or the staff's business."""
    account = user if isinstance(user, User) and user.is_active else None
    if account and account.is_staff and account.has_perm("orders.view_order"):
        return True
    if order.account_id is not None:
        return account is not None and order.account_id == account.pk
    if order.order_id in visitor.found:
        return True
    return bool(order.user_id) and not visitor.is_new and order.user_id == visitor.id


def own_order(view: View) -> View:
    """Call the view with the Order in the place of its id; answer everybody else with the same page."""

    @wraps(view)
    def checked(request: ShopRequest, order_id: str, **kwargs: Any) -> HttpResponseBase:
        order = Order.objects.filter(pk=order_id).first()
        if order and may_see(order, user=request.user, visitor=request.visitor):
            return view(request, order, **kwargs)
        if order and order.user_id == request.visitor.id and not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())  # its owner logged out of this browser
        return render(request, "storefront/order_hidden.html", status=404)

    return checked
