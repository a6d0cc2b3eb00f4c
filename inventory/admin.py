"""Products with their stock, the ledger behind it, and adding stock with a reason. Admin -> services."""

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
from inventory.services import adjust
from shopsite.catalogue.models import Category, Product
from shopsite.desk import ExportingAdmin, QuickAdmin, RecordAdmin, link, moment
from shopsite.staff.services import record

SHOWN = 50  # of a product's ledger on its page; the rest is a click away
REASONS = ("delivery", "return", "correction", "damage", "gift")


class LevelInline(admin.StackedInline):
    """A product's stock: figures to look at, thresholds to set."""

    model = Level
    can_delete = False
    fields = ("on_hand", "reserved", "tracked", "low_at", "backorders")
    readonly_fields = ("on_hand", "reserved", "tracked")
    verbose_name = verbose_name_plural = "stock"


class StockForm(forms.Form):
    """Stock that came or went, and why."""

    change = forms.IntegerField(
        label="Change", min_value=-1_000_000_000, max_value=1_000_000_000, help_text="More: 12. Less: -3."
    )
    reason = forms.ChoiceField(choices=[(reason, reason.capitalize()) for reason in REASONS])

    def clean_change(self) -> int:
        """Nothing changed is no change."""
        change = int(self.cleaned_data["change"])
        if change == 0:
            raise forms.ValidationError("Need a number other than 0.")
        return change


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
        "price",
        "on_hand",
        "reserved",
        "available",
        "stock",
        "listed",
    )
    list_filter = ("listed", BelowZero, "category", "level__tracked")
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

    readonly_fields = ("stock", "ledger", "created_at")
    fields = (
        "sku", "title", "description", "category", "price", "currency", "picture", "listed", "created_at",
        "stock", "ledger",
    )  # fmt: skip

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> Any:  # noqa: ANN401
        """A product's number is what events call it, so it never changes."""
        fixed = super().get_readonly_fields(request, obj)
        return (*fixed, "sku") if obj else fixed

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody: orders and the ledger point here. Take it off the shelf with `listed`."""
        return False

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

    def available(self, product: Product) -> str:
        """How much can be ordered."""
        level = _level(product)
        return str(level.on_hand - level.reserved) if level and level.tracked else "any"

    @admin.display(description="stock")
    def stock(self, product: Product) -> SafeString:
        """The way to add some."""
        return link(reverse("admin:inventory_add_stock", args=[product.pk]), "Add or take stock")

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
        if not request.user.has_perm("inventory.adjust_stock"):
            raise PermissionDenied
        product = get_object_or_404(Product, pk=sku)
        form = StockForm(request.POST or None)
        if form.is_valid():
            change, reason = form.cleaned_data["change"], form.cleaned_data["reason"]
            actor = request.user.get_username()
            with transaction.atomic():
                adjust(product_id=sku, change=change, reason=reason, actor=actor)
                record(
                    actor=actor,
                    action="adjust",
                    kind="product",
                    object_id=sku,
                    what=f"{change:+,}",
                    why=reason,
                )
            self.message_user(request, f"{product}: {change:+d}, {reason}.", messages.SUCCESS)
            return HttpResponseRedirect(reverse("admin:catalogue_product_change", args=[sku]))
        context = self.admin_site.each_context(request) | {
            "title": f"Stock of {product}", "form": form, "product": product, "opts": self.opts,
        }  # fmt: skip
        return render(request, "admin/inventory/stock.html", context)


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
