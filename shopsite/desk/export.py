"""What a list shows, as CSV. The admin's "Export" -> here -> a stream, and a row in the audit log.

Cells that a spreadsheet would take for a formula are made text; numbers stay numbers.
"""

import csv
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from shopsite.cells import harmless
from shopsite.desk.lists import QuickAdmin
from shopsite.staff.services import record

MAX_ROWS = 250_000  # of one file; its name says where it ends
BLOCK = 1_000  # rows that are in memory at once
Column = Callable[[Any], object]


def cell(value: object) -> object:
    """A value as a cell: numbers as they are, times in UTC, text that is never a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    return harmless(str(value).replace("\0", "\ufffd"))


class _Line:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        """The line itself."""
        return text


def lines(columns: Mapping[str, Column], rows: Iterable[Any]) -> Iterator[bytes]:
    """The CSV in blocks: a line of names, then a line a row (RFC 4180, UTF-8)."""
    writer = csv.writer(_Line())
    yield writer.writerow(columns).encode()
    source = iter(rows)
    while block := list(islice(source, BLOCK)):
        yield "".join(writer.writerow([cell(of(row)) for of in columns.values()]) for row in block).encode()


class ExportingAdmin(QuickAdmin):
    """A list that may be taken away as CSV, as it is filtered, searched and sorted."""

    change_list_template = "admin/desk/exporting.html"
    export_permission = ""  # whoever has it
    export_columns: Mapping[str, Column] = {}

    def may_export(self, request: HttpRequest) -> bool:
        """Whether this person may: looking at a page is less than taking the list away."""
        return self.has_view_permission(request) and request.user.has_perm(self.export_permission)

    def get_urls(self) -> list[URLPattern]:
        """The export beside the usual pages."""
        page = self.admin_site.admin_view(self.export)
        return [path("export/", page, name=self._export_name()), *super().get_urls()]

    def _export_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_export"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:  # noqa: ANN401
        """The list, with the way to take it away for those who may."""
        address = reverse(f"admin:{self._export_name()}") if self.may_export(request) else ""
        context = {"export": address, **(extra_context or {})}
        return super().changelist_view(request, context)

    def export(self, request: HttpRequest) -> StreamingHttpResponse:
        """The list as CSV, at most MAX_ROWS rows, streamed."""
        if not self.may_export(request):
            raise PermissionDenied
        shown: ChangeList = self.get_changelist_instance(request)
        count = shown.queryset.order_by().values("pk")[: MAX_ROWS + 1].count()
        name = f"{self.opts.model_name}-{timezone.localtime():%Y-%m-%d-%H%M}"
        if count > MAX_ROWS:
            name += f"-first-{MAX_ROWS}"
        self._write(request, min(count, MAX_ROWS))
        blocks = lines(self.export_columns, shown.queryset[:MAX_ROWS].iterator(chunk_size=BLOCK))
        answer = StreamingHttpResponse(
            _awaited(blocks) if isinstance(request, ASGIRequest) else blocks,
            content_type="text/csv; charset=utf-8",
        )
        answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
        answer["Cache-Control"] = "no-store"
        return answer

    def _write(self, request: HttpRequest, count: int) -> None:
        chosen = request.GET.urlencode() or "everything"
        record(
            actor=request.user.get_username(),
            action="export",
            kind=str(self.opts.verbose_name_plural),
            what=f"{count:,} rows: {chosen}",
        )


async def _awaited(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The blocks, each made in the request's own thread, where its database connection is."""
    ask = sync_to_async(lambda: next(blocks, b""), thread_sensitive=True)
    while block := await ask():
        yield block
