"""The OpenAPI 3.1 document, made of the routes. routes.py -> here -> openapi.json, served and in docs/."""

import inspect
import json
from functools import lru_cache
from typing import Any, Final

import msgspec

from shopsite.api.forms import KIND
from shopsite.api.http import JSON, PROBLEM_JSON, ProblemBody
from shopsite.api.keys import SCOPES
from shopsite.api.routes import ROUTES
from shopsite.api.routing import ROOT, Route

REF: Final = "#/components/schemas/{name}"
ABOUT: Final = (
    "Orders, stock and figures, to be read by other programs. Make a key with `manage.py apikey create NAME` "
    "and send it as `Authorization: Bearer KEY`. Each key has a limit of requests a second; what is left of "
    "it stands in the header `RateLimit`. Whatever goes wrong is told as problem+json (RFC 9457). Ids are "
    "percent-encoded in addresses. Fields may be added to answers, so ignore those that you do not know."
)
TABLES: Final = [kind for kind in KIND.values() if kind != JSON]
PROBLEMS: Final = {
    400: "A parameter is not understood; `errors` names it.",
    401: "No key, or one that does not work.",
    403: "The key does not read this.",
    404: "There is no such thing.",
    406: f"Answers are {JSON}; figures are {' and '.join(TABLES)}, too.",
    429: "More requests a second than the key has. `Retry-After` says when to come again.",
    500: "A fault of ours.",
    503: "The database does not answer. `Retry-After` says when to come again.",
}
FORMAT: Final = {
    "name": "format",
    "in": "query",
    "description": "Overrules the Accept header. A table has a row a figure; where there is a next part, the "
    "header Link says where it is.",
    "schema": {"type": "string", "enum": list(KIND)},
}
HEADERS: Final = {
    "ETag": "Send it as `If-None-Match`: the answer is 304 while nothing has changed.",
    "RateLimit-Policy": "The key's requests (q) in a window of seconds (w).",
    "RateLimit": "What is left (r) and the seconds until it is full again (t).",
}


@lru_cache(maxsize=1)
def document_bytes() -> bytes:
    """As it is served and written: the same on every machine."""
    return (json.dumps(document(), indent=2, ensure_ascii=False) + "\n").encode()


def document() -> dict[str, Any]:
    """The whole document."""
    types = [ProblemBody, *(route.answer for route in ROUTES)]
    _, schemas = msgspec.json.schema_components(types, ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Shop API", "version": "1", "description": ABOUT},
        "servers": [{"url": ROOT}],
        "security": [{"key": []}],
        "tags": [{"name": scope} for scope in SCOPES],
        "paths": {route.path: {"get": _operation(route)} for route in ROUTES},
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "headers": {
                name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.items()
            },
            "responses": {str(status): _problem(text) for status, text in PROBLEMS.items()},
            "schemas": dict(sorted(schemas.items())),
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    title, _, text = inspect.cleandoc(route.handler.__doc__ or "").partition("\n\n")
    skipped = {404} if not route.id_names else set[int]()
    return {
        "operationId": route.handler.__name__,
        "tags": [route.scope],
        "summary": title.rstrip("."),
        **({"description": " ".join(text.split())} if text else {}),
        "parameters": [
            *(_id(name) for name in route.id_names),
            *_parameters(route.query),
            *([FORMAT] if route.table else []),
        ],
        "responses": {
            "200": {
                "description": _first_line(route.answer),
                "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in HEADERS},
                "content": {
                    JSON: {"schema": {"$ref": REF.format(name=route.answer.__name__)}},
                    **({kind: {"schema": {"type": "string"}} for kind in TABLES} if route.table else {}),
                },
            },
            "304": {"description": "Nothing has changed since the answer with this ETag."},
            **{
                str(status): {"$ref": f"#/components/responses/{status}"}
                for status in PROBLEMS
                if status not in skipped
            },
        },
    }


def _id(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _parameters(query: type[msgspec.Struct]) -> list[dict[str, Any]]:
    """Each field of the query's struct, with the struct's own enumerations written out."""
    _, parts = msgspec.json.schema_components([query], ref_template=REF)
    found = []
    for name, schema in parts[query.__name__].get("properties", {}).items():
        plain = _written_out(schema, parts)
        text = plain.pop("description", "")
        found.append({"name": name, "in": "query", "description": text, "schema": plain})
    return found


def _written_out(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """A parameter's schema without references or null: what is not wanted is left out of an address."""
    if "anyOf" in schema:
        (kind,) = [one for one in schema["anyOf"] if one.get("type") != "null"]
        schema = {**{name: value for name, value in schema.items() if name != "anyOf"}, **kind}
    if "$ref" in schema:
        target = parts[schema.pop("$ref").rpartition("/")[2]]
        schema = {**{name: target[name] for name in ("type", "enum") if name in target}, **schema}
    if "enum" in schema:
        schema.pop("pattern", None)
    if schema.get("default", "") in (None, ""):
        schema.pop("default", None)
    return schema


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": REF.format(name=ProblemBody.__name__)}
    return {"description": text, "content": {PROBLEM_JSON: {"schema": schema}}}


def _first_line(struct: type[msgspec.Struct]) -> str:
    return inspect.cleandoc(struct.__doc__ or "").partition("\n")[0]
