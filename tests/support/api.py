"""A program that uses the API, and holds each answer against the OpenAPI document."""

import json
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker

from shopsite.api.dispatch import answer
from shopsite.api.http import Request, Response
from shopsite.api.openapi import TABLES, document
from shopsite.api.routes import ROUTES
from shopsite.api.routing import ROOT

DOCUMENT = document()


@dataclass(frozen=True)
class Seen:
    """An answer as a program sees it."""

    status: int
    headers: dict[str, str]
    body: Any  # JSON, or a table's text; None where there is none


def ask(path: str, key: str = "", *, method: str = "GET", query: str = "", **headers: str) -> Seen:
    """Ask below /api/v1; header names with _ for -. Raises AssertionError where the document is untrue."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if key:
        sent["authorization"] = f"Bearer {key}"
    response = answer(Request(method=method, path=ROOT + path, query=query, headers=sent))
    if method == "GET":
        _check_documented(path, response)
    text = response.body.decode()
    is_table = response.headers.get("content-type", "").partition(";")[0] in TABLES
    body = text if is_table else json.loads(text) if text else None
    return Seen(response.status, dict(response.headers), body)


def _check_documented(path: str, response: Response) -> None:
    """The document knows this status of this address, its kind of content and every field."""
    templates = [route.path for route in ROUTES if route.ids(ROOT + path) is not None]
    if not templates:
        return
    documented = resolved(DOCUMENT["paths"][templates[0]]["get"]["responses"][str(response.status)])
    if "content" not in documented:
        assert response.body == b""
        return
    kind = response.headers["content-type"].partition(";")[0]
    content = documented["content"][kind]
    if kind in TABLES:
        return
    schema = {**content["schema"], "components": DOCUMENT["components"]}
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(json.loads(response.body))
    for name in documented.get("headers", {}):
        assert name.lower() in response.headers, name


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference within the document stands for."""
    if "$ref" not in node:
        return node
    found: Any = DOCUMENT
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)
