"""Admin lists that stay quick with a million rows, and records that nobody may change. */admin.py -> here."""

from functools import cached_property
from typing import Any, NamedTuple, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import label_for_field
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from shopsite.staff.services import record

COUNTED = 10_000  # exact up to here; a count of all takes longer than the page
PAGES_AHEAD = 20  # whoever leafs on sees so many more pages
DEEPEST = 100_000  # rows; nobody leafs that far, and a date or a filter is quicker
WAYS = (("ascending", "", "asc"), ("descending", "-", "desc"))  # in words, in an address, as Django calls it
FIRST_ROWS = 1_000  # of a list: fewer are passed over faster than asked for twice


class Capped(int):
    """A count that says so where there may be more."""

    capped: bool

    def __new__(cls, value: int, limit: int) -> "Capped":
        """The count, which was taken no further than the limit."""
        self = super().__new__(cls, value)
        self.capped = value >= limit
        return self

    def __str__(self) -> str:
        return f"{int(self):,}+" if self.capped else f"{int(self):,}"


class CappedPaginator(Paginator):
    """Pages through a query without counting all of a large table, nor reading the rows before a page."""

    limit = COUNTED

    @cached_property
    def count(self) -> int:
        """How many rows there are, or the limit where there are more."""
        rows: Any = self.object_list
        return Capped(rows.order_by().values("pk")[: self.limit].count(), self.limit)

    def page(self, number: int | str) -> Page:
        """A page; one far down is found by its keys, which an index has, and then loaded."""
        found = super().page(number)
        rows: Any = self.object_list
        if found.start_index() > FIRST_ROWS:
            shown: Any = found.object_list
            keys = list(shown.values_list("pk", flat=True))
            found.object_list = rows.filter(pk__in=keys)
        return found


class Sort(NamedTuple):
    """A column by which a list can be sorted."""

    column: str
    ways: list[tuple[str, str, bool]]  # in words, address, whether it is so now


class QuickList(ChangeList):
    """A list that is sorted along indexes only."""

    def get_ordering_field(self, field_name: Any) -> Any:  # noqa: ANN401 - Django's own
        """By what a column sorts; nothing where the list says that it does not."""
        return super().get_ordering_field(field_name) if field_name in (self.sortable_by or ()) else None

    def get_ordering(self, request: HttpRequest, queryset: QuerySet) -> list[Any]:
        """Equals in the direction of the first column, so that one index serves both directions."""
        names: list[Any] = super().get_ordering(request, queryset)
        if ORDER_VAR not in self.params or not all(isinstance(name, str) for name in names):
            return names
        sign = "-" if names[0].startswith("-") else ""
        return [names[0], *(sign + name.removeprefix("-") for name in names[1:])]

    def sorts(self) -> list[Sort]:
        """Every way to sort it: on a phone rows are cards, and the header that offers them is not shown."""
        standing = list(self.get_ordering_field_columns().items())[:1]
        return [
            Sort(
                str(label_for_field(name, self.model, self.model_admin)),
                [(word, self._sorted_by(f"{sign}{at}"), standing == [(at, way)]) for word, sign, way in WAYS],
            )
            for at, name in enumerate(self.list_display)
            if self.get_ordering_field(name)
        ]

    def _sorted_by(self, column: str) -> str:
        return self.get_query_string({ORDER_VAR: column}, remove=[PAGE_VAR])


class QuickAdmin(admin.ModelAdmin):
    """A list without exact counts, whose changes stand in the audit log."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # Django would count the whole table for each
    list_per_page = 50
    told_fields: tuple[str, ...] = ()  # fields whose old and new value the audit log tells

    def get_changelist(self, request: HttpRequest, **_options: Any) -> type[QuickList]:  # noqa: ARG002
        """The list that sorts along indexes."""
        return QuickList

    def get_paginator(self, request: HttpRequest, *args: Any, **options: Any) -> CappedPaginator:
        """Pages that count a little further than where somebody is."""
        paginator: Any = super().get_paginator(request, *args, **options)
        number = request.GET.get(PAGE_VAR, "1")
        page = int(number) if number.isdecimal() else 1
        paginator.limit = min(DEEPEST, max(COUNTED, (page + PAGES_AHEAD) * self.list_per_page))
        return cast("CappedPaginator", paginator)

    def action_checkbox(self, obj: Model) -> SafeString:
        """The box before a row, written as Django does, but by no template: 50 took a fifth of a list."""
        return format_html(
            '<input type="checkbox" name="{}" value="{}" class="action-select"'
            ' aria-label="Select this object for an action - {}">',
            ACTION_CHECKBOX_NAME,
            obj.pk,
            obj,
        )

    def construct_change_message(
        self,
        request: HttpRequest,
        form: forms.Form,
        formsets: Any,  # noqa: ANN401 - Django's own
        add: bool = False,
    ) -> Any:  # noqa: ANN401 - Django's own
        """Django's list of what changed, with the values of told_fields."""
        message: Any = super().construct_change_message(request, form, formsets, add)
        own = [part["changed"] for part in message if "name" not in part.get("changed", {"name": ""})]
        for changed in own:
            changed["fields"] = [self._change(form, name) for name in form.changed_data]
        return message

    def _change(self, form: forms.Form, name: str) -> str:
        label = str(form.fields[name].label or name) if name in form.fields else name
        if name not in self.told_fields:
            return label
        return f"{label} ({form.initial.get(name)} to {form.cleaned_data.get(name)})"

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:  # noqa: ANN401
        """Also into the audit log."""
        return self._log(request, obj, super().log_addition(request, obj, message), "add")

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:  # noqa: ANN401
        """Also into the audit log."""
        return self._log(request, obj, super().log_change(request, obj, message), "change")

    def log_deletions(self, request: HttpRequest, queryset: QuerySet) -> Any:  # noqa: ANN401
        """Also into the audit log."""
        for obj in queryset:
            self._record(request, obj, "delete", str(obj))
        return super().log_deletions(request, queryset)

    def _log(self, request: HttpRequest, obj: Model, entry: Any, action: str) -> Any:  # noqa: ANN401
        self._record(request, obj, action, entry.get_change_message())
        return entry

    def _record(self, request: HttpRequest, obj: Model, action: str, what: str) -> None:
        record(
            actor=request.user.get_username(),
            action=action,
            kind=str(self.opts.verbose_name),
            object_id=str(obj.pk),
            what=what,
        )


class RevokedFilter(admin.SimpleListFilter):
    """What works, or worked once: of rows with a time at which they were revoked."""

    title = "use"
    parameter_name = "revoked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ANN401, ARG002
        """The two."""
        return [("no", "Not revoked"), ("yes", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:  # noqa: ARG002
        """The rows of the choice."""
        if self.value() not in ("no", "yes"):
            return queryset
        return queryset.filter(revoked_at__isnull=self.value() == "no")


class RecordAdmin(QuickAdmin):
    """Rows that are written by the system: to be looked at, never changed by hand."""

    actions: Any = None  # a subclass may have some

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False


class RecordInline(admin.TabularInline):
    """Rows below their owner: to be looked at only."""

    extra = 0
    can_delete = False
    show_change_link = False

    ordering = ("pk",)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False
