"""Answer one request, from its address to the bytes. server.py -> here -> keys, limits, routes.py.

The order: address, method, form of the answer, key, limit, scope, parameters, endpoint. Whatever goes
wrong becomes a problem that says what to do; nothing is told to whoever has no key.
"""

import logging
from collections.abc import Mapping
from hashlib import sha256
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode

import msgspec
from django.db import DatabaseError, InterfaceError, connections

from shopsite.api import forms, keys, limits
from shopsite.api.http import JSON, Problem, Request, Response, invalid
from shopsite.api.keys import Caller
from shopsite.api.openapi import document_bytes
from shopsite.api.routes import ROUTES
from shopsite.api.routing import ROOT, Route

log = logging.getLogger(__name__)
DOCUMENT: Final = f"{ROOT}/openapi.json"
METHODS: Final = ("GET", "HEAD", "OPTIONS")
ALLOW: Final = {"allow": ", ".join(METHODS)}
ASK_FOR_KEY: Final = {"www-authenticate": 'Bearer realm="api"'}
RETRY: Final = {"retry-after": "5"}
# private: one key's answer is nobody else's; no-cache: asked again with its ETag before it is used again
KEPT: Final = {"content-type": JSON, "cache-control": "private, no-cache", "vary": "Authorization, Accept"}


def answer(request: Request) -> Response:
    """The response to a request; never raises."""
    try:
        return _answer(request)
    except Problem as problem:
        return problem.response()
    except (DatabaseError, InterfaceError):
        log.exception("API: the database failed at %s", request.path)
        connections.close_all()  # a broken one would fail for ever
        return Problem(503, "The database does not answer. Try again.", headers=RETRY).response()
    except Exception:
        log.exception("API: a fault of our own at %s", request.path)
        return Problem(500, "A fault of ours, which our log describes. Try again later.").response()


def _answer(request: Request) -> Response:
    if request.path == DOCUMENT:
        _check_method(request)
        return _empty(ALLOW) if request.method == "OPTIONS" else _found(request, document_bytes(), {})
    route, ids = _route(request.path)
    _check_method(request)
    if request.method == "OPTIONS":
        return _empty(ALLOW)
    query = parse_qs(request.query, keep_blank_values=True, max_num_fields=50)
    form = forms.choose(route, query.pop("format", []), request.headers.get("accept", ""))
    caller = _caller(request.headers.get("authorization", ""))
    verdict = limits.take(str(caller.pk), caller.rate)
    if not verdict.allowed:
        raise Problem(
            429, f"More than {verdict.limit} requests a second by one key.", headers=verdict.headers()
        )
    try:
        body = _body(route, ids, query, caller)
        encoded = forms.encoded(body, form)
    except Problem as problem:
        problem.headers = {**verdict.headers(), **problem.headers}
        raise
    headers = {**verdict.headers(), **_more(request, body, form)}
    return _found(request, encoded, {**headers, "content-type": forms.CONTENT_TYPE[form]})


def _route(path: str) -> tuple[Route, dict[str, str]]:
    for route in ROUTES:
        if (ids := route.ids(path)) is not None:
            return route, ids
    raise Problem(404, f"Nothing is at this address. {DOCUMENT} lists what there is.")


def _check_method(request: Request) -> None:
    if request.method not in METHODS:
        raise Problem(405, "This API is for reading.", headers=ALLOW)


def _caller(authorization: str) -> Caller:
    scheme, _, key = authorization.partition(" ")
    caller = keys.find(key.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        detail = "This key does not work." if authorization else "Send `Authorization: Bearer KEY`."
        raise Problem(401, detail, headers=ASK_FOR_KEY)
    return caller


def _more(request: Request, body: msgspec.Struct, form: str) -> dict[str, str]:
    """Where the next part of a table is, which has no room for it."""
    place: str | None = getattr(body, "next", None)
    if form == "json" or place is None:
        return {}
    asked = [(name, value) for name, value in parse_qsl(request.query) if name != "cursor"]
    return {"link": f'<{request.path}?{urlencode([*asked, ("cursor", place)])}>; rel="next"'}


def _body(
    route: Route, ids: Mapping[str, str], query: Mapping[str, list[str]], caller: Caller
) -> msgspec.Struct:
    if not caller.may(route.scope):
        raise Problem(403, f"This key does not read {route.scope}.")
    for name, value in ids.items():
        if "\0" in value:
            raise invalid(name, "holds a character that no id has")
    return route.handler(_query(route, query), **ids)


def _query(route: Route, given: Mapping[str, list[str]]) -> msgspec.Struct:
    """The parameters, typed. Raises Problem for one that is unknown, given twice or wrong."""
    for name, values in given.items():
        if name not in route.query.__struct_encode_fields__:
            raise invalid(name, "there is no such parameter")
        if len(values) > 1:
            raise invalid(name, "is given twice")
        if "\0" in values[0]:
            raise invalid(name, "holds a character that no value has")
    try:
        return msgspec.convert({name: values[0] for name, values in given.items()}, route.query, strict=False)
    except msgspec.ValidationError as error:
        detail, _, place = str(error).partition(" - at `$.")
        raise invalid(place.rstrip("`") or "query", detail) from None


def _found(request: Request, body: bytes, headers: Mapping[str, str]) -> Response:
    """The body with its ETag, or a 304 where the program has it."""
    tag = f'"{sha256(body).hexdigest()[:24]}"'
    headers = {**KEPT, "etag": tag, **headers}
    known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if tag in known or "*" in known:
        return Response(304, b"", {name: headers[name] for name in headers if name != "content-type"})
    return Response(200, body, headers)


def _empty(headers: Mapping[str, str]) -> Response:
    return Response(204, b"", headers)
