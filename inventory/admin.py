"""Products with their stock, the ledger behind it, and adding stock with a reason. Admin -> services."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from inventory.models import Level, Movement, Reservation
from inventory.outlook import Outlook, in_words, outlook, rate_text
from inventory.selectors import LOW, SHORT
from inventory.services import adjust, set_count
from shopsite.catalogue.models import Category, Product
from shopsite.desk import ExportingAdmin, QuickAdmin, QuickList, RecordAdmin, link, moment
from shopsite.staff.services import record

SHOWN = 50  # of a product's ledger on its page; the rest is a click away
REASONS = ("delivery", "return", "correction", "count", "damage", "gift")
MOST = 1_000_000_000  # units in one change: more is a slip of the finger


class LevelInline(admin.StackedInline):
    """A product's stock: figures to look at, thresholds to set."""

    model = Level
    can_delete = False
    fields = ("on_hand", "reserved", "tracked", "low_at", "backorders")
    readonly_fields = ("on_hand", "reserved", "tracked")
    verbose_name = verbose_name_plural = "stock"


class StockForm(forms.Form):
    """Stock that came or went, or how much was counted, and why."""

    change = forms.IntegerField(
        label="Change by",
        required=False,
        min_value=-MOST,
        max_value=MOST,
        help_text="More came: 12. Less is there: -3.",
    )
    counted = forms.IntegerField(
        label="or: there are",
        required=False,
        min_value=-MOST,
        max_value=MOST,
        help_text="What was counted on the shelf, what is reserved included.",
    )
    reason = forms.ChoiceField(choices=[(reason, reason.capitalize()) for reason in REASONS])

    def clean(self) -> dict[str, Any]:
        """One of the two, and a change that is one."""
        given = [name for name in ("change", "counted") if self.cleaned_data.get(name) is not None]
        if not self.errors and len(given) != 1:
            raise forms.ValidationError("Give a change, or what was counted: one of the two.")
        if self.cleaned_data.get("change") == 0:
            self.add_error("change", "Need a number other than 0.")
        return self.cleaned_data


class StockFilter(admin.SimpleListFilter):
    """Products that need somebody."""

    title = "what is left"
    parameter_name = "left"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """What there is to choose."""
        return [("short", "More promised than there is"), ("low", "Almost gone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:  # noqa: ARG002
        """The products of the choice."""
        wanted = {"short": SHORT, "low": LOW}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


class _StockList(QuickList):
    """Each product of a page with its outlook, in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        seen = outlook(product.pk for product in self.result_list)
        for product in self.result_list:
            product.outlook = seen.get(product.pk)


def _outlook(product: Product) -> Outlook | None:
    return getattr(product, "outlook", None)


class BelowZero(admin.SimpleListFilter):
    """Products of which more was sold than there was."""

    title = "stock below zero"
    parameter_name = "below"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """One choice."""
        return [("zero", "Below zero")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Product]) -> QuerySet[Product]:  # noqa: ARG002
        """Those products, where they are asked for."""
        return queryset.filter(level__on_hand__lt=0) if self.value() == "zero" else queryset


@admin.register(Product)
class ProductAdmin(ExportingAdmin):
    """The catalogue with its stock; unlisted products are those that only an event has named."""

    list_display = (
        "sku",
        "title",
        "category",
        "each",
        "on_hand",
        "reserved",
        "available",
        "sells",
        "lasts",
        "stock",
        "listed",
    )
    list_filter = ("listed", BelowZero, StockFilter, "category", "level__tracked")
    export_permission = "staff.export_stock"
    export_columns = {
        "product_id": lambda product: product.pk,
        "title": lambda product: product.title,
        "category": lambda product: product.category.name if product.category else "",
        "price": lambda product: product.price,
        "currency": lambda product: product.currency,
        "listed": lambda product: product.listed,
        "tracked": lambda product: _of_level(product, "tracked"),
        "on_hand": lambda product: _of_level(product, "on_hand"),
        "reserved": lambda product: _of_level(product, "reserved"),
        "almost_gone_at": lambda product: _of_level(product, "low_at"),
    }
    list_select_related = ("category", "level")
    search_fields = ("^sku", "title")
    ordering = ("sku",)
    told_fields = ("title", "category", "price", "listed")
    inlines = (LevelInline,)

    readonly_fields = ("stock", "rate", "ledger", "created_at")
    fields = (
        "sku", "title", "description", "category", "price", "currency", "picture", "listed", "created_at",
        "stock", "rate", "ledger",
    )  # fmt: skip

    def get_list_display(self, request: HttpRequest) -> Any:  # noqa: ANN401
        """With the way to add stock for those who may."""
        return _without_stock(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:  # noqa: ANN401
        """As get_list_display."""
        return _without_stock(request, super().get_fields(request, obj))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickList]:  # noqa: ARG002
        """A list that knows how its products sell."""
        return _StockList

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:  # noqa: ANN401
        """A product's number is what events call it, so it never changes."""
        fixed = super().get_readonly_fields(request, obj)
        return (*fixed, "sku") if obj else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody: orders and the ledger point here. Take it off the shelf with `listed`."""
        return False

    @admin.display(description="price", ordering="price")
    def each(self, product: Product) -> str:
        """The price as the shop shows it, without the zeros that only storage adds."""
        return "" if product.price is None else f"{product.price:.2f} {product.currency}"

    @admin.display(ordering="level__on_hand")
    def on_hand(self, product: Product) -> int | None:
        """How much is there."""
        level = _level(product)
        return level.on_hand if level else None

    @admin.display(ordering="level__reserved")
    def reserved(self, product: Product) -> int | None:
        """How much of it is promised."""
        level = _level(product)
        return level.reserved if level else None

    def available(self, product: Product) -> str | SafeString:
        """How much can be ordered; marked where more is promised than there is."""
        level = _level(product)
        if level is None or not level.tracked:
            return "any"
        left = level.on_hand - level.reserved
        return format_html('<b class="below">{} below zero</b>', -left) if left < 0 else str(left)

    @admin.display(description="sells an hour")
    def sells(self, product: Product) -> str:
        """Units, by the ledger."""
        seen = _outlook(product)
        return "" if seen is None or seen.per_hour is None else rate_text(seen.per_hour)

    @admin.display(description="sold out in")
    def lasts(self, product: Product) -> str:
        """At this rate."""
        seen = _outlook(product)
        return "" if seen is None or seen.minutes_left is None else seen.words

    @admin.display(description="how it sells")
    def rate(self, product: Product) -> str:
        """The rate, what it rests on, and how far off it may be."""
        seen = outlook([product.pk]).get(product.pk)
        return "nobody has told a stock of it yet" if seen is None else in_words(seen)

    @admin.display(description="stock")
    def stock(self, product: Product) -> SafeString:
        """The way to add some."""
        return link(reverse("admin:inventory_add_stock", args=[product.pk]), "Add or take")

    @admin.display(description="ledger")
    def ledger(self, product: Product) -> SafeString:
        """The last rows of the ledger, newest first."""
        rows = product.movements.order_by("-pk")[:SHOWN]
        listed = format_html_join(
            "",
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            ((moment(row.at), f"{row.change:+,}", row.reason, row.order_id, row.actor) for row in rows),
        )
        more = reverse("admin:inventory_movement_changelist") + f"?product__sku__exact={quote(product.pk)}"
        return format_html('<table class="ledger">{}</table>{}', listed, link(more, "The whole ledger"))

    def get_urls(self) -> list[URLPattern]:
        """The page that adds stock, beside the usual ones."""
        page = self.admin_site.admin_view(self.add_stock)
        return [path("<path:sku>/stock/", page, name="inventory_add_stock"), *super().get_urls()]

    def add_stock(self, request: HttpRequest, sku: str) -> HttpResponse:
        """Ask how much and why, and write it into the ledger."""
        if not _may_adjust(request):
            raise PermissionDenied
        product = get_object_or_404(Product, pk=sku)
        form = StockForm(request.POST or None)
        if form.is_valid():
            self._write_stock(request, product, form)
            return HttpResponseRedirect(reverse("admin:catalogue_product_change", args=[sku]))
        context = self.admin_site.each_context(request) | {
            "title": f"Stock of {product}", "form": form, "product": product, "level": _level(product),
            "opts": self.opts,
        }  # fmt: skip
        return render(request, "admin/inventory/stock.html", context)

    def _write_stock(self, request: HttpRequest, product: Product, form: StockForm) -> None:
        """Into the ledger and the audit log, and say what came of it."""
        about = {"product_id": product.pk, "actor": request.user.get_username()}
        change, counted, reason = (form.cleaned_data[name] for name in ("change", "counted", "reason"))
        with transaction.atomic():
            if counted is None:
                adjust(**about, change=change, reason=reason)
            else:
                change = set_count(**about, counted=counted, reason=reason)
            record(
                actor=about["actor"],
                action="adjust",
                kind="product",
                object_id=product.pk,
                what=f"{change:+,}",
                why=reason if counted is None else f"{reason}: {counted:,} counted",
            )
        self.message_user(request, f"{product}: {change:+,d}, {reason}.", messages.SUCCESS)
        level = Level.objects.get(pk=product.pk)
        if level.on_hand < level.reserved:
            self.message_user(
                request,
                f"{level.reserved:,} are promised, and {level.on_hand:,} are there.",
                messages.WARNING,
            )


def _may_adjust(request: HttpRequest) -> bool:
    return request.user.has_perm("inventory.adjust_stock")


def _without_stock(request: HttpRequest, names: Iterable[Any]) -> list[Any]:
    """The names, without the way to a page that this person may not see."""
    return [name for name in names if name != "stock" or _may_adjust(request)]


def _level(product: Product) -> Level | None:
    """The product's level, loaded with it; None where it has none yet."""
    return getattr(product, "level", None)


def _of_level(product: Product, name: str) -> Any:  # noqa: ANN401
    """One figure of a product's stock; None where it has none yet."""
    return getattr(_level(product), name, None)


@admin.register(Category)
class CategoryAdmin(QuickAdmin):
    """The shelves of the shop."""

    list_display = ("name", "slug", "position", "hue")
    ordering = ("position",)


class _ByProduct:
    """Shows the product's number instead of loading the product for its title."""

    @admin.display(description="product", ordering="product")
    def sku(self, row: Movement | Reservation) -> str:
        """What events call the product."""
        return row.product_id


@admin.register(Movement)
class MovementAdmin(_ByProduct, ExportingAdmin, RecordAdmin):
    """The ledger."""

    export_permission = "staff.export_ledger"
    export_columns = {
        "at": lambda row: row.at,
        "product_id": lambda row: row.product_id,
        "change": lambda row: row.change,
        "reason": lambda row: row.reason,
        "actor": lambda row: row.actor,
        "order_id": lambda row: row.order_id,
        "event_id": lambda row: row.event_id,
        "origin": lambda row: row.origin,
        "written_at": lambda row: row.created_at,
    }

    list_display = ("at", "sku", "change", "reason", "actor", "order_id", "event_id", "origin")
    search_fields = ("=product__sku", "=order_id", "=event_id")
    ordering = ("-pk",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The product's page links to its part of the ledger."""
        return lookup == "product__sku__exact" or super().lookup_allowed(lookup, value, request)


@admin.register(Reservation)
class ReservationAdmin(_ByProduct, RecordAdmin):
    """What is kept for whom."""

    list_display = ("order_id", "sku", "quantity", "state", "expires_at")
    list_filter = ("state",)
    search_fields = ("=order_id", "=product__sku")
    ordering = ("-pk",)
