"""The bank's counter: HTTP in, JSON out. uvicorn -> here -> bank.py in a commit of store.py.

POST /v1/payments            authorise        headers: Authorization: Bearer KEY,
POST /v1/payments/capture                     Idempotency-Key, Gateway-Account (which shop; "" by default)
POST /v1/payments/void
POST /v1/refunds
GET  /v1/payments?payment=   the state; 404 where nobody asked for it
GET, POST /confirm/<id>      the page on which a shopper confirms
GET  /livez
"""

import asyncio
import hmac
import json
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from shopsite.gateway import bank, pages
from shopsite.gateway.bank import Ask, Refused, Timing
from shopsite.gateway.scripts import ACTION
from shopsite.gateway.store import Store

LARGEST_BODY = 64 * 1024
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True)
class Call:
    """An authenticated call: whose, under which key, saying what."""

    account: str
    key: str
    fields: Mapping[str, str]


class LostAnswer(Exception):
    """The bank has done it, and the answer never arrives."""


class Counter:
    """The ASGI application."""

    def __init__(self, store: Store, *, key: str, public_url: str, timing: Timing) -> None:
        self._store, self._key, self._public_url, self._timing = store, key, public_url, timing
        self._calls = {
            ("POST", "/v1/payments"): self._authorise,
            ("POST", "/v1/payments/capture"): self._capture,
            ("POST", "/v1/payments/void"): self._void,
            ("POST", "/v1/refunds"): self._refund,
            ("GET", "/v1/payments"): self._state,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            if scope["path"] == "/livez":
                await answer(send, 200, b'{"ok": true}')
            elif scope["path"].startswith("/confirm/"):
                await self._confirm(scope, receive, send)
            else:
                told = await self._answer(scope, receive)
                await answer(send, 200, json.dumps(told).encode())
        except Refused as error:
            await answer(send, error.status, json.dumps({"error": str(error)}).encode())
        except LostAnswer:
            await asyncio.sleep(self._timing.hold)
            # without a whole answer the server closes the connection
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})

    async def _answer(self, scope: Scope, receive: Receive) -> dict[str, Any]:
        method = self._calls.get((scope["method"], scope["path"]))
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {self._key}".encode()):
            raise Refused(401, "The key is not known: set GATEWAY_KEY to the gateway's own.")
        if method is None:
            raise Refused(404, "There is no such call.")
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        fields = {name: values[0] for name, values in query.items()} | _json(await body_of(receive))
        return await method(
            Call(headers.get("gateway-account", ""), headers.get("idempotency-key", ""), fields)
        )

    async def _authorise(self, call: Call) -> dict[str, Any]:
        ask = Ask(
            account=call.account,
            key=_named(call.key, "Idempotency-Key"),
            token=call.fields.get("token", ""),
            amount=call.fields.get("amount", ""),
            currency=call.fields.get("currency", ""),
            return_url=call.fields.get("return_url", ""),
            webhook_url=call.fields.get("webhook_url", ""),
        )
        told, is_lost = await self._store.do(lambda db: bank.authorise(db, ask, self._timing))
        if is_lost:
            raise LostAnswer
        return self._with_link(told)

    async def _capture(self, call: Call) -> dict[str, Any]:
        return self._with_link(
            await self._store.do(lambda db: bank.capture(db, call.account, _payment(call)))
        )

    async def _void(self, call: Call) -> dict[str, Any]:
        return self._with_link(await self._store.do(lambda db: bank.void(db, call.account, _payment(call))))

    async def _refund(self, call: Call) -> dict[str, Any]:
        key, amount = _named(call.key, "Idempotency-Key"), call.fields.get("amount", "")
        return await self._store.do(lambda db: bank.refund(db, call.account, _payment(call), key, amount))

    async def _state(self, call: Call) -> dict[str, Any]:
        if (after := call.fields.get("after")) is not None:
            rows = await self._store.do(lambda db: bank.some(db, call.account, after))
            return {"payments": [self._with_link(row) for row in rows]}
        return self._with_link(await self._store.do(lambda db: state_of(db, call.account, _payment(call))))

    def _with_link(self, told: dict[str, Any]) -> dict[str, Any]:
        link = f"{self._public_url}/confirm/{told['id']}" if told["state"] == ACTION else ""
        return told | {"confirm_url": link}

    async def _confirm(self, scope: Scope, receive: Receive, send: Send) -> None:
        identity = scope["path"].removeprefix("/confirm/")
        if scope["method"] == "POST":
            form = parse_qs((await body_of(receive)).decode("utf-8", "replace"))
            agreed = form.get("agree") == ["yes"]
            payment = await self._store.do(lambda db: bank.confirm(db, identity, agreed))
            if payment["return_url"]:
                await redirect(send, payment["return_url"])
                return
        else:
            payment = await self._store.do(lambda db: bank.by_id(db, identity))
        headers, page = pages.challenge(payment)
        await answer(send, 200, page, headers)


def state_of(db: sqlite3.Connection, account: str, key: str) -> dict[str, Any]:
    """How a payment stands, and how often each call came in for it. Raises Refused."""
    row = bank.find(db, account, key)
    if row is None:
        raise Refused(404, "There is no such payment.")
    calls = db.execute("SELECT kind, times FROM asked WHERE account = ? AND payment = ?", (account, key))
    return bank.standing(db, row) | {"asked": dict(tuple(call) for call in calls)}


async def body_of(receive: Receive) -> bytes:
    """The whole body. Raises Refused where it is too large."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise Refused(413, f"The body has more than {LARGEST_BODY} bytes.")
    return body


async def answer(send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    """Send a whole answer; JSON where no headers say otherwise."""
    told = {"content-type": "application/json", **(headers or {}), "content-length": str(len(body))}
    pairs = [(name.encode(), value.encode()) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def redirect(send: Send, address: str) -> None:
    """Send the browser back to the shop."""
    await answer(send, 303, b"", {"location": address, "content-type": "text/plain"})


def _json(body: bytes) -> dict[str, str]:
    if not body:
        return {}
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise Refused(400, f"The body is no JSON: {error}") from error
    if not isinstance(fields, dict):
        raise Refused(400, "The body is no JSON object.")
    return {str(name): str(value) for name, value in fields.items()}


def _named(value: str, what: str) -> str:
    if not value:
        raise Refused(400, f"{what} is missing.")
    return value


def _payment(call: Call) -> str:
    return _named(call.fields.get("payment", ""), "payment")
