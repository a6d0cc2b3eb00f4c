"""The checkout: one page, one form, one order however often it is sent. urls.py -> here -> fulfilment.

The form carries the number of the order that it will become, signed for this visitor: sent twice, it
finds its order the second time.
"""

from decimal import Decimal

from django.contrib import messages
from django.contrib.auth import authenticate, login
from django.contrib.auth.models import User
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from orders.models import Order
from orders.services import keep_lead
from shopsite.events.browsers import device
from shopsite.events.referrers import source_of
from shopsite.fulfilment import Buyer, CartLine, InvalidCart, OutOfStock, new_order_id, place_order
from shopsite.storefront import carts, delivery
from shopsite.storefront.carts import Cart
from shopsite.storefront.clicks import note
from shopsite.storefront.forms import CheckoutForm, fault, summary
from shopsite.storefront.leads import lead_of
from shopsite.storefront.templatetags.shop import money
from shopsite.storefront.visitors import ShopRequest

SOLD_MEANWHILE = (
    "While you were typing, some of it was sold. Nothing was ordered or charged; this is what is left."
)


@sensitive_post_parameters("password", "card_number", "card_until", "card_code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def checkout(request: ShopRequest) -> HttpResponseBase:
    """Show the form, or take the order and go to its page."""
    order_id = _number(request)
    if order_id and Order.objects.filter(pk=order_id, user_id=request.visitor.id).exists():
        return redirect("order", order_id)  # the form came twice
    cart = carts.cart_of(request.visitor.id)
    if not cart.counted or (request.method != "POST" and cart.has_news):
        return redirect("cart")  # which tells the news
    if request.method != "POST":
        note(request, "begin_checkout")
        return _page(request, cart, CheckoutForm(initial=_known(request)), new_order_id())
    return _submit(request, cart, order_id or new_order_id())


def _submit(request: ShopRequest, cart: Cart, order_id: str) -> HttpResponseBase:
    form = CheckoutForm(request.POST)
    form.full_clean()
    if request.POST.get("total") != _plain(cart.total):  # told whatever else is to be mended
        form.add_error(None, f"The total is now {money(cart.total)}: {_changes(cart)}. ")
        carts.was_told(request.visitor.id, cart)
    if form.is_valid():
        _log_in(request, form)
    if not form.is_valid():
        return _page(request, cart, form, order_id)
    try:
        order = _place(request, cart, form, order_id)
    except OutOfStock:
        messages.warning(request, SOLD_MEANWHILE)
        return redirect("cart")
    except InvalidCart as error:
        form.add_error(None, f"{error} ")
        return _page(request, cart, form, order_id)
    note(request, "add_payment_info")
    return redirect("order", order.order_id)


def _changes(cart: Cart) -> str:
    """Why the total is another one."""
    why = [f"{title} is no longer sold" for title in cart.gone.values()]
    for line in cart.lines:
        if line.item.is_out:
            why.append(f"{line.item.title} is sold out")
        elif line.is_lowered:
            why.append(f"only {line.quantity} of {line.item.title} can be had")
        elif line.was is not None:
            why.append(f"{line.item.title} costs {money(line.item.price)}, not {money(line.was)}")
    return "; ".join(why) or "prices or stock changed"


def _place(request: ShopRequest, cart: Cart, form: CheckoutForm, order_id: str) -> Order:
    """Empty the cart of what is ordered and order it, both or neither."""
    data, lead = form.cleaned_data, lead_of(request.COOKIES, request.visitor, order_id)
    buyer = Buyer(
        user_id=request.visitor.id,
        session_id=request.visitor.session,
        email=data["email"],
        name=data["name"],
        street=form.street_line(),
        city=data["city"],
        postcode=data["postcode"],
        country=data["country"],
        account_id=request.user.pk if request.user.is_authenticated else None,
        device=device(request.headers.get("User-Agent", "")),
        sent_by=(source_of(lead.referrer) or "") if lead else "",
    )
    lines = [
        CartLine(line.item.sku, line.item.title, line.quantity, line.item.price) for line in cart.counted
    ]
    with transaction.atomic():
        carts.take_out(request.visitor.id, [line.product_id for line in lines])
        order = place_order(
            lines=lines, buyer=buyer, card=form.card_digits(), shipping=cart.shipping, order_id=order_id
        )
        if lead:
            keep_lead(lead)
        return order


def _log_in(request: ShopRequest, form: CheckoutForm) -> None:
    """Log in who ordered with an account; a wrong password is a complaint at its field."""
    data = form.cleaned_data
    if request.user.is_authenticated or data["who"] != "account":
        return
    user = authenticate(request, username=data["email"].lower(), password=data["password"])
    if user is None:
        form.add_error(
            "password", fault("does not fit the e-mail", "E-mail and password do not fit together.")
        )
    else:
        login(request, user)


def _page(request: ShopRequest, cart: Cart, form: CheckoutForm, order_id: str) -> HttpResponse:
    first, last = delivery.arrives(timezone.now())
    return render(
        request,
        "storefront/checkout.html",
        {
            "cart": cart,
            "form": form,
            "faults": summary(form) if form.is_bound else [],
            "token": _signer(request).sign(order_id),
            "total": _plain(cart.total),
            "first": first,
            "last": last,
        },
    )


def _known(request: ShopRequest) -> dict[str, str]:
    """What an account's last order tells about its next one."""
    if not isinstance(request.user, User):
        return {}
    known = {"email": request.user.email, "name": request.user.get_full_name()}
    last = Order.objects.filter(account=request.user, source=Order.Source.SHOP).order_by("-placed_at").first()
    if last:
        known |= {name: getattr(last, name) for name in ("name", "street", "postcode", "city", "country")}
    return known


def _number(request: ShopRequest) -> str | None:
    """The order that the form is to become; None where the form is not one that this visitor got."""
    try:
        return _signer(request).unsign(request.POST.get("token", "")) if request.method == "POST" else None
    except BadSignature:
        return None


def _signer(request: ShopRequest) -> Signer:
    return Signer(salt=f"checkout {request.visitor.id}")


def _plain(total: Decimal) -> str:
    return f"{total:f}"
