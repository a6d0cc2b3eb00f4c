"""Admin lists that stay quick with a million rows, and records that nobody may change. */admin.py -> here."""

from functools import cached_property
from typing import Any

from django import forms
from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from shopsite.staff.services import record

MAX_COUNTED = 100_000  # an exact count of more takes longer than the page; nobody leafs that far


class Capped(int):
    """A count that says so where there may be more."""

    def __str__(self) -> str:
        return f"{int(self):,}+" if self >= MAX_COUNTED else f"{int(self):,}"


class CappedPaginator(Paginator):
    """Pages through a query without counting all of a large table."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, or MAX_COUNTED where there are more."""
        rows: Any = self.object_list
        return Capped(rows.order_by().values("pk")[:MAX_COUNTED].count())


class QuickAdmin(admin.ModelAdmin):
    """A list without exact counts, whose changes stand in the audit log."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # Django would count the whole table for each
    list_per_page = 50
    told_fields: tuple[str, ...] = ()  # fields whose old and new value the audit log tells

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
