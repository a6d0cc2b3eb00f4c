"""Every address of the shop."""

from django.urls import URLPattern, URLResolver, path

from shopsite.storefront.views import accounts, browse, cart, checkout, help, orders, webhook

urlpatterns: list[URLPattern | URLResolver] = [
    path("", browse.home, name="home"),
    path("search", browse.search, name="search"),
    path("c/<slug:slug>/", browse.category, name="category"),
    # path, not str: ids that other systems give may have slashes
    path("p/<path:sku>/", browse.product, name="product"),
    path("tell-me/<path:sku>", browse.tell_me, name="tell_me"),
    path("cart/", cart.cart, name="cart"),
    path("cart/add", cart.add, name="cart_add"),
    path("cart/set", cart.set_quantity, name="cart_set"),
    path("checkout/", checkout.checkout, name="checkout"),
    path("orders/", orders.orders, name="orders"),
    path("find-order/", orders.find, name="find_order"),
    path("orders/<path:order_id>/status", orders.status, name="order_status"),
    path("orders/<path:order_id>/pay", orders.pay, name="pay"),
    path("orders/<path:order_id>/cancel", orders.cancel, name="order_cancel"),
    path("orders/<path:order_id>/receipt", orders.receipt, name="order_receipt"),
    path("orders/<path:order_id>/again", orders.again, name="order_again"),
    path("orders/<path:order_id>/", orders.order, name="order"),
    path("payments/webhook", webhook.webhook, name="payment_webhook"),
    path("help/<slug:name>/", help.page, name="help"),
    path("account/log-in/", accounts.LogIn.as_view(), name="login"),
    path("account/log-out/", accounts.LogOut.as_view(), name="logout"),
    path("account/sign-up/", accounts.sign_up, name="sign_up"),
    path("account/password/", accounts.ChangePassword.as_view(), name="password_change"),
    path("account/password/reset/", accounts.ResetPassword.as_view(), name="password_reset"),
    path(
        "account/password/reset/<uidb64>/<token>/",
        accounts.ConfirmPassword.as_view(),
        name="password_reset_confirm",
    ),
]
