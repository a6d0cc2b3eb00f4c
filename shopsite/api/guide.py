"""The page about the API, for people, from the document for machines. openapi.py -> here -> guide.html."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from shopsite.api.keys import FIGURES, ORDERS, STOCK
from shopsite.api.openapi import HEADERS, PROBLEMS, document
from shopsite.api.routing import ROOT

TITLES: Final = {ORDERS: "Orders", STOCK: "Products and stock", FIGURES: "Figures"}


@dataclass(frozen=True)
class Address:
    """One address as it is shown."""

    anchor: str
    path: str
    title: str
    text: SafeString
    parameters: Sequence[tuple[str, str, SafeString]]  # name, what it may be, what it does


@dataclass(frozen=True)
class Group:
    """The addresses that one scope reads."""

    scope: str
    title: str
    addresses: Sequence[Address]


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    """The page; the addresses in its examples are those under which it was asked for."""
    context = {
        "root": request.build_absolute_uri(ROOT),
        "groups": groups(),
        "problems": [(status, with_code(text)) for status, text in PROBLEMS.items()],
        "headers": [(name, with_code(text)) for name, text in HEADERS.items()],
        "rate": settings.API_REQUESTS_PER_SECOND,
    }
    return render(request, "api/guide.html", context)


@lru_cache(maxsize=1)
def groups() -> Sequence[Group]:
    """Every address of the document, by scope."""
    operations = [(path, operation["get"]) for path, operation in document()["paths"].items()]
    return [
        Group(scope, title, [_address(path, one) for path, one in operations if scope in one["tags"]])
        for scope, title in TITLES.items()
    ]


def _address(path: str, operation: Mapping[str, Any]) -> Address:
    return Address(
        anchor=operation["operationId"],
        path=ROOT + path,
        title=operation["summary"],
        text=with_code(operation.get("description", "")),
        parameters=[
            (one["name"], _what(one["schema"]), with_code(one.get("description", "")))
            for one in operation["parameters"]
            if one["in"] == "query"
        ],
    )


def _what(schema: Mapping[str, Any]) -> str:
    """What a parameter may be, in words."""
    kind = " | ".join(map(str, schema["enum"])) if "enum" in schema else str(schema.get("type", "text"))
    if schema.get("format") == "date-time":
        kind = "time (RFC 3339)"
    if "minimum" in schema and "maximum" in schema:
        kind += f", {schema['minimum']} to {schema['maximum']}"
    return f"{kind}, {json.dumps(schema['default'])} by default" if "default" in schema else kind


def with_code(text: str) -> SafeString:
    """Text with what stands between backticks as code; everything is escaped."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if place % 2 else part,) for place, part in parts)
    )
