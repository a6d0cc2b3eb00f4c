"""Admin lists that stay quick with a million rows, and records that nobody may change. */admin.py -> here."""

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

MAX_COUNTED = 100_000  # an exact count of more takes longer than the page; nobody leafs that far


class CappedPaginator(Paginator):
    """Pages through a query without counting all of a large table."""

    @cached_property
    def count(self) -> int:
        """How many rows there are, or MAX_COUNTED where there are more."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:MAX_COUNTED].count())


class QuickAdmin(admin.ModelAdmin):
    """A list without exact counts."""

    paginator = CappedPaginator
    show_full_result_count = False
    list_per_page = 50


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

    class Media:
        css = {"all": ["shopsite/desk.css"]}

    ordering = ("pk",)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False


def link(address: str, text: str) -> SafeString:
    """A link in a list or form; both are escaped."""
    return format_html('<a href="{}">{}</a>', address, text)


def moment(at: datetime) -> str:
    """A time to the second, on the shop's clock."""
    return f"{localtime(at):%Y-%m-%d %H:%M:%S}"


def told(done: Sequence[str], refused: Sequence[str], what: str, limit: int = 20) -> list[tuple[bool, str]]:
    """(went well, sentence) for each thing to say about an action on several rows."""
    said = [(True, f"{len(done)} {what}: {', '.join(done[:limit])}{' ...' if len(done) > limit else ''}.")]
    said = said if done else []
    said += [(False, reason) for reason in refused[:limit]]
    if len(refused) > limit:
        said.append((False, f"{len(refused) - limit} more were refused."))
    return said
