"""What staff look at of orders: payments, refunds, and the order itself without its actions.

Acting on an order needs stock, too, so shopsite/orderdesk adds the actions and registers orders, and mails.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timesince import timesince

from orders.models import Line, Mail, Order, Payment, Refund, Transition
from orders.money import money_text
from orders.states import Status
from shopsite.desk import RecordAdmin, RecordInline, link, moment
from shopsite.desk.counts import first_keys
from shopsite.desk.search import among, beginning, beginning_in_any_case

ORIGINS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "shop": ("This shop", {"source": Order.Source.SHOP}),
    "other": ("Another system, charged here", {"source": Order.Source.KAFKA, "elsewhere": False}),
    "elsewhere": ("Another system, paid there", {"source": Order.Source.KAFKA, "elsewhere": True}),
}
MAX_FOUND = 1000  # of each kind of match: a search that finds more needs more letters


def trouble_of(mail: Mail) -> SafeString:
    """Why a mail did not go out, in words; below them, small, what the mail server answered."""
    answer = format_html("<small>{}</small>", mail.answer) if mail.answer else ""
    return format_html("{} {}", mail.trouble or "-", answer)


class _WithOrder(RecordInline):
    """Rows whose amounts need the order's currency."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Each with its order, in the one query."""
        return super().get_queryset(request).select_related("order")


class LineInline(_WithOrder):
    """What was bought."""

    model = Line
    fields = ("article", "title", "quantity", "each")
    readonly_fields = fields

    @admin.display(description="product")
    def article(self, line: Line) -> SafeString:
        """A link to the product, made without loading it."""
        return link(reverse("admin:catalogue_product_change", args=[line.product_id]), line.product_id)

    @admin.display(description="price of one")
    def each(self, line: Line) -> str:
        """The price, where the producer told one."""
        return "not known" if line.price is None else money_text(line.price, line.order.currency)


class HistoryInline(RecordInline):
    """What became of it."""

    model = Transition
    fields = ("when", "was", "to_status", "why", "actor", "event_id")
    readonly_fields = fields
    verbose_name_plural = "history"

    def when(self, row: Transition) -> str:
        """To the second: steps follow each other fast."""
        return moment(row.at)

    @admin.display(description="from status")
    def was(self, row: Transition) -> str:
        """In words, as the status that it came to."""
        return Status(row.from_status).label if row.from_status else "-"


class PaymentInline(RecordInline):
    """Each attempt to charge it."""

    model = Payment
    fields = (
        "key",
        "total",
        "state",
        "last4",
        "reason",
        "reference",
        "tries",
        "next_try_at",
        "settled_at",
    )
    readonly_fields = fields

    @admin.display(description="amount")
    def total(self, payment: Payment) -> str:
        """With its currency."""
        return money_text(payment.amount, payment.currency)


class RefundInline(_WithOrder):
    """Money given back."""

    model = Refund
    fk_name = "order"
    fields = ("total", "state", "why", "actor", "reason", "created_at", "settled_at")
    readonly_fields = fields

    @admin.display(description="amount")
    def total(self, refund: Refund) -> str:
        """With its currency."""
        return money_text(refund.amount, refund.order.currency)


class MailInline(RecordInline):
    """What the customer was written."""

    model = Mail
    fields = ("mail", "to", "state", "trouble", "sent_at")
    readonly_fields = fields

    def mail(self, mail: Mail) -> SafeString:
        """A link to its preview."""
        return link(reverse("admin:orders_mail_change", args=[mail.pk]), mail.subject)

    @admin.display(description="why")
    def trouble(self, mail: Mail) -> SafeString:
        """Why it did not go out."""
        return trouble_of(mail)


class OriginFilter(admin.SimpleListFilter):
    """Where orders came from, and whether we charged them: one question, and so one index."""

    title = "came from"
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """What is in ORIGINS."""
        return [(name, title) for name, (title, _) in ORIGINS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:  # noqa: ARG002
        """The orders that came so."""
        name = self.value() or ""
        return queryset.filter(**ORIGINS[name][1]) if name in ORIGINS else queryset


class OrderDesk(RecordAdmin):
    """Orders, newest first, with everything that belongs to one on its page."""

    list_display = ("order_id", "status", "placed_at", "total", "customer", "source", "since")
    list_filter: ClassVar[Any] = ("status", OriginFilter, ("placed_at", admin.DateFieldListFilter))
    ordering = ("-placed_at",)
    sortable_by = ("order_id", "placed_at", "total")  # each has an index
    search_fields = ("order_id",)  # shows the field; the search is below
    search_help_text = "The beginning of an order number, e-mail address or name, or a whole product number"
    inlines = (LineInline, HistoryInline, PaymentInline, RefundInline, MailInline)
    fieldsets: ClassVar[Any] = (  # a subclass adds to them
        (None, {"fields": ("order_id", "status", "total", "back", "source", "paid_where")}),
        ("Parcel", {"fields": ("carrier", "number")}),
        ("When", {"fields": ("placed_at", "paid_at", "changed_at")}),
        (
            "Customer",
            {"fields": ("name", "email", "street", "postcode", "city", "country", "user_id", "session_id")},
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Order | None = None) -> Any:  # noqa: ANN401
        """Everything."""
        return [name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]]

    @admin.display(description="amount", ordering="amount")
    def total(self, order: Order) -> str:
        """The amount with its currency."""
        return money_text(order.amount, order.currency)

    @admin.display(description="tracking number")
    def number(self, order: Order) -> str | SafeString:
        """What was typed when it was shipped; a link where it is an address of the web."""
        return link(order.tracking_url, order.tracking) if order.tracking_url else order.tracking or "-"

    @admin.display(description="refunded")
    def back(self, order: Order) -> str:
        """What was given back."""
        return money_text(order.refunded, order.currency)

    @admin.display(description="paid")
    def paid_where(self, order: Order) -> str:
        """In words: a red cross for "no" looks like trouble."""
        return "elsewhere: nothing is charged, refunded or mailed here" if order.elsewhere else "here"

    @admin.display(description="customer")
    def customer(self, order: Order) -> str:
        """Who ordered, as well as we know."""
        visitor = Truncator(order.user_id).chars(13)  # 32 digits would push the columns out of sight
        return order.name or order.email or visitor or "unknown"

    @admin.display(description="since", ordering="changed_at")
    def since(self, order: Order) -> str:
        """How long it has been in its status, in its largest unit: a second date has no room."""
        return timesince(order.changed_at, depth=1)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Order],
        search_term: str,
    ) -> tuple[QuerySet[Order], bool]:
        """Orders by number, address, name or product, each by its index; one OR would read the table."""
        term = search_term.strip()
        if not term:
            return queryset, False
        orders = Order.objects.all()
        kinds: dict[str, QuerySet[Any]] = {
            "number": beginning(orders, "pk", term),
            # our own numbers are small letters, and people read them out as they like
            "own number": beginning(orders, "pk", term.lower()),
            "address": beginning_in_any_case(orders, "email", term),
            "name": beginning_in_any_case(orders, "name", term),
            "product": Line.objects.filter(product_id=term).order_by("-pk").values("order_id"),
        }
        found = {key for keys in first_keys(kinds, MAX_FOUND).values() for key in keys}
        return among(queryset, found), False


class _Money(RecordAdmin):
    """Rows of one order's money: found by the order's number, and one press away from the order."""

    sortable_by = ("key",)
    list_filter = ("state",)
    list_select_related: ClassVar[tuple[str, ...]] = ("order",)
    search_fields = ("key",)  # shows the field; the search is below
    search_help_text = "The beginning of an order number, or a whole key"
    ordering = ("-pk",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401, ARG002
        """Everything."""
        return self.fields

    @admin.display(description="order")
    def of_order(self, row: Payment | Refund) -> SafeString:
        """A link to the order."""
        return link(reverse("admin:orders_order_change", args=[quote(row.order_id)]), row.order_id)

    @admin.display(description="amount")
    def total(self, row: Payment | Refund) -> str:
        """With its currency."""
        return money_text(row.amount, row.currency if isinstance(row, Payment) else row.order.currency)

    def get_search_results(
        self,
        request: HttpRequest,  # noqa: ARG002
        queryset: QuerySet[Any],
        search_term: str,
    ) -> tuple[QuerySet[Any], bool]:
        """Rows by their order's number or their own key, each by its index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        rows = self.model._default_manager.all()
        kinds: dict[str, QuerySet[Any]] = {
            "number": beginning(rows, "order__pk", term),
            # our own numbers are small letters, and people read them out as they like
            "own number": beginning(rows, "order__pk", term.lower()),
            "key": rows.filter(key=term),
        }
        found = {key for keys in first_keys(kinds, MAX_FOUND).values() for key in keys}
        return among(queryset, found), False


@admin.register(Payment)
class PaymentAdmin(_Money):
    """Every attempt to charge."""

    list_display = ("key", "of_order", "state", "total", "last4", "reason", "tries", "created_at")
    list_select_related = ()  # a payment has its own currency
    fields = (
        "key", "of_order", "state", "total", "back", "last4", "reason", "reference", "tries",
        "asked_at", "next_try_at", "created_at", "settled_at",
    )  # fmt: skip

    @admin.display(description="refunded")
    def back(self, payment: Payment) -> str:
        """What was given back of it."""
        return money_text(payment.refunded, payment.currency)


@admin.register(Refund)
class RefundAdmin(_Money):
    """Money to give back, and given."""

    list_display = ("key", "of_order", "state", "total", "actor", "why", "created_at", "settled_at")
    fields = (
        "key", "of_order", "state", "total", "why", "actor", "reason", "tries",
        "next_try_at", "created_at", "settled_at",
    )  # fmt: skip
