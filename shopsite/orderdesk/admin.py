"""Orders in the admin: queues, actions that tell what became of each, an export. Admin -> steps.py.

Orders themselves are shown by orders/admin.py; this stands above fulfilment, because acting on an
order changes stock, too. Each order is a transaction of its own, and each one's outcome is told.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote as quoted

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.safestring import SafeString

from orders.admin import OrderDesk
from orders.models import Mail, Order
from orders.papers import slips_page
from shopsite.desk import CONFIRMED, Chosen, ExportingAdmin, Question, are_too_many, ask, link, told
from shopsite.orderdesk.effects import effects_of_each
from shopsite.orderdesk.filters import QueueFilter, QueueList, chosen
from shopsite.orderdesk.mails import MailAdmin
from shopsite.orderdesk.pages import OrderPages
from shopsite.orderdesk.steps import REFUSALS, STEPS, Step, take

admin.site.site_header = admin.site.site_title = settings.SHOP_NAME
admin.site.index_title = "What waits, and everything there is"
admin.site.register(Mail, MailAdmin)
MAX_SLIPS = 500  # sheets of one page: a browser lays them out at once
MAX_TOLD = 50  # orders of an action of which each effect is told: a page of the list
Action = Callable[["OrderAdmin", HttpRequest, QuerySet[Order]], HttpResponse | None]


def _action(step: Step) -> Action:
    """The list's action that takes a step with every chosen order."""

    def act(self: "OrderAdmin", request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse | None:
        return self.take_each(request, queryset, step)

    act.__name__ = step.name
    may = step.permission.removeprefix("orders.").removesuffix("_order")
    return admin.action(act, description=f"{step.verb} ..." if step.asks else step.verb, permissions=[may])


@admin.register(Order)
class OrderAdmin(OrderPages, ExportingAdmin, OrderDesk):
    """Orders with the steps that staff may take, each by a permission of its own."""

    fieldsets = (*OrderDesk.fieldsets, ("Elsewhere", {"fields": ("ledger", "whole_way")}))
    list_filter = (QueueFilter, *OrderDesk.list_filter)
    actions = [*map(_action, STEPS.values()), "print_slips"]
    change_list_template = "admin/orders/order/change_list.html"
    export_permission = "staff.export_orders"
    export_columns = {
        "order_id": lambda order: order.pk,
        "status": lambda order: order.status,
        "placed_at": lambda order: order.placed_at,
        "paid_at": lambda order: order.paid_at,
        "amount": lambda order: order.amount,
        "refunded": lambda order: order.refunded,
        "shipping": lambda order: order.shipping,
        "currency": lambda order: order.currency,
        "name": lambda order: order.name,
        "email": lambda order: order.email,
        "postcode": lambda order: order.postcode,
        "city": lambda order: order.city,
        "country": lambda order: order.country,
        "source": lambda order: order.source,
        "paid_elsewhere": lambda order: order.elsewhere,
        "carrier": lambda order: order.carrier,
        "tracking": lambda order: order.tracking,
    }

    def get_urls(self) -> list[URLPattern]:
        """An order's own pages before the usual ones, which take any address."""
        return [*self.order_urls(), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **_options: Any) -> type[QueueList]:  # noqa: ARG002
        """The list whose rows know why they are there."""
        return QueueList

    def get_list_display(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """In a queue, why each order is there, instead of where it came from."""
        if not chosen(request):
            return self.list_display
        return ("order_id", "status", "because", "since", "total", "customer")

    def get_sortable_by(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """Of one status or queue also by how long they have been there, which is what its index is for."""
        few = chosen(request) or request.GET.get("status__exact")
        return (*self.sortable_by, "since") if few else self.sortable_by

    def get_ordering(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """A queue begins with who waits longest."""
        return ("changed_at",) if chosen(request) else self.ordering

    @admin.display(description="why it is here")
    def because(self, order: Order) -> str:
        """What the queue says of it."""
        return str(getattr(order, "why", ""))

    @admin.display(description="stock")
    def ledger(self, order: Order) -> SafeString:
        """Its rows in the ledger."""
        return link(
            f"{reverse('admin:inventory_movement_changelist')}?q={quoted(order.pk)}",
            "What it took and gave back",
        )

    @admin.display(description="whole way")
    def whole_way(self, order: Order) -> SafeString:
        """Everything that happened to it, in order."""
        return link(
            reverse("admin:orders_order_way", args=[quote(order.pk)]), "Everything that happened to it"
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

    @admin.action(description="Print packing slips", permissions=["view"])
    def print_slips(self, request: HttpRequest, queryset: QuerySet[Order]) -> HttpResponse:
        """A sheet for each chosen order, in the order in which they were placed."""
        rows = queryset.order_by("placed_at", "pk").prefetch_related("lines")
        return slips_page(request, rows[:MAX_SLIPS], untold=max(0, rows.count() - MAX_SLIPS))

    def take_each(self, request: HttpRequest, queryset: QuerySet[Order], step: Step) -> HttpResponse | None:
        """Ask first where the step asks; then take it with each order, and say what became of each."""
        if are_too_many(self, request, queryset):
            return None
        facts: dict[str, Any] = {}
        if step.asks:
            form = step.asks(request.POST if CONFIRMED in request.POST else None)
            if not form.is_valid():
                return ask(self, request, _question(queryset, step, form))
            facts = form.cleaned_data
        done, refused = [], []
        for order_id in queryset.order_by("placed_at").values_list("pk", flat=True):
            try:
                take(step, order_id, request.user.get_username(), **facts)
            except REFUSALS as error:
                refused.append(str(error))
            else:
                done.append(order_id)
        for well, sentence in told(done, refused, step.done):
            self.message_user(request, sentence, messages.SUCCESS if well else messages.ERROR)
        return None


def _question(queryset: QuerySet[Order], step: Step, form: forms.Form) -> Question:
    orders = list(queryset.order_by("placed_at").prefetch_related("lines", "payments"))
    told = effects_of_each(step, orders[:MAX_TOLD])
    count = f"{len(orders)} order{'' if len(orders) == 1 else 's'}"
    given = ", where no amount is given" if step.name == "refund" else ""
    return Question(
        title=f"{step.verb} {count}",
        effect=f"This is what will happen{given}.",
        rows=[Chosen(order, order.get_status_display(), told.get(order.pk, ())) for order in orders],
        form=form,
        is_harm=step.is_harm,
        untold=max(0, len(orders) - MAX_TOLD),
    )
