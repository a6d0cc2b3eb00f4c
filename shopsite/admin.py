"""The order desk: what staff do with orders, in the admin. Admin -> fulfilment.

Orders themselves are shown by orders/admin.py; this stands above fulfilment, because acting on an
order changes stock, too. Each order is a transaction of its own, and each one's outcome is told.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString

from orders.admin import OrderDesk
from orders.models import Order
from shopsite.desk import link, told
from shopsite.fulfilment import (
    ForbiddenMove,
    InvalidRefund,
    UnknownOrder,
    cancel_order,
    deliver_order,
    pack_order,
    refund_order,
    ship_order,
)

Step = Callable[..., Order]
admin.site.site_header = admin.site.site_title = settings.SHOP_NAME
admin.site.index_title = "Orders, products and what happened to them"


class WhyForm(forms.Form):
    """What is asked before something is done that the customer will be told of."""

    why = forms.CharField(label="Why", max_length=300, help_text="It is written into the order's history.")


class RefundForm(WhyForm):
    """A refund, in part or whole."""

    amount = forms.DecimalField(
        label="Amount",
        required=False,
        min_value=0,
        max_digits=15,
        decimal_places=6,
        help_text="Of each order. Empty: all that was not refunded yet.",
    )


@admin.register(Order)
class OrderAdmin(OrderDesk):
    """Orders with the actions that staff may take, each by a permission of its own."""

    fieldsets = (*OrderDesk.fieldsets, ("Stock", {"fields": ("ledger",)}))
    actions = ("pack", "ship", "deliver", "cancel", "refund")

    @admin.display(description="stock")
    def ledger(self, order: Order) -> SafeString:
        """Its rows in the ledger."""
        return link(
            f"{reverse('admin:inventory_movement_changelist')}?q={quote(order.pk)}",
            "What it took and gave back",
        )

    def has_fulfil_permission(self, request: HttpRequest) -> bool:
        """Who may pack, ship and deliver."""
        return request.user.has_perm("orders.fulfil_order")

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        """Who may cancel."""
        return request.user.has_perm("orders.cancel_order")

    def has_refund_permission(self, request: HttpRequest) -> bool:
        """Who may give money back."""
        return request.user.has_perm("orders.refund_order")

    @admin.action(description="Pack", permissions=["fulfil"])
    def pack(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """The goods are in a box."""
        self._each(request, queryset, pack_order, "packed")

    @admin.action(description="Ship", permissions=["fulfil"])
    def ship(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """The box has left."""
        self._each(request, queryset, ship_order, "shipped")

    @admin.action(description="Deliver", permissions=["fulfil"])
    def deliver(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        """The box has arrived."""
        self._each(request, queryset, deliver_order, "delivered")

    @admin.action(description="Cancel ...", permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        """Call orders off, after asking why."""
        return self._asked(request, queryset, WhyForm, cancel_order, "Cancel", "cancelled")

    @admin.action(description="Refund ...", permissions=["refund"])
    def refund(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        """Give money back, after asking how much and why."""
        return self._asked(request, queryset, RefundForm, refund_order, "Refund", "to be refunded")

    def _asked(
        self,
        request: HttpRequest,
        queryset: QuerySet[Order],
        form_class: type[forms.Form],
        step: Step,
        verb: str,
        what: str,
    ) -> HttpResponse | None:
        """Show the form first; act when it comes back valid."""
        form = form_class(request.POST if "confirmed" in request.POST else None)
        if form.is_valid():
            self._each(request, queryset, step, what, **form.cleaned_data)
            return None
        context = self.admin_site.each_context(request) | {
            "title": f"{verb} orders",
            "form": form,
            "orders": queryset,
            "action": request.POST["action"],
            "opts": self.opts,
        }
        return render(request, "admin/shopsite/ask.html", context)

    def _each(
        self,
        request: HttpRequest,
        queryset: QuerySet[Order],
        step: Step,
        what: str,
        **facts: Any,
    ) -> None:
        """Take the step with each order, and say what became of each."""
        done, refused = [], []
        for order_id in queryset.order_by("placed_at").values_list("pk", flat=True):
            try:
                step(order_id=order_id, actor=request.user.get_username(), **facts)
            except (ForbiddenMove, InvalidRefund, UnknownOrder) as error:
                refused.append(str(error))
            else:
                done.append(order_id)
        for well, sentence in told(done, refused, what):
            self.message_user(request, sentence, messages.SUCCESS if well else messages.ERROR)
