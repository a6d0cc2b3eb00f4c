"""/collect: other shops and their browsers tell clicks here. ASGI, beside Django -> delivery.py -> Kafka.

A plain callable, because an event costs less than Django's middlewares do. 202 means that Kafka has
every event of the request; a batch that is sent once more, since the answer was lost, is recognised.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import msgspec
from django.conf import settings

from shopsite.events import batches
from shopsite.events import clicks as buffered
from shopsite.events.browsers import device, is_bot
from shopsite.events.delivery import Unanswered, deliver
from shopsite.events.schemas import Click, PoisonEvent, Unavailable, read_click

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[str, str]

MOST_BYTES: Final = 64 * 1024
MOST_EVENTS: Final = 500
BODY_SECONDS: Final = 10.0  # a body that comes more slowly is not waited for
RETRY_AFTER: Final = "5"  # seconds, while Kafka is away
VISITOR_SECONDS: Final = 2 * 365 * 24 * 3600
SCRIPT: Final = Path(__file__).with_name("collect.js")
SCRIPT_HEADERS: Final = {"content-type": "text/javascript; charset=utf-8", "cache-control": "max-age=3600"}
JSON: Final = {"content-type": "application/json"}
PREFLIGHT: Final = {
    "access-control-allow-methods": "POST",
    "access-control-allow-headers": "content-type, x-batch-id",
    "access-control-max-age": "86400",
}
_later: set["asyncio.Task[None]"] = set()  # a task that nobody holds may vanish


class Refused(Exception):
    """The request gets this status, and the text as its reason."""

    def __init__(self, status: int, reason: str, **headers: str) -> None:
        super().__init__(reason)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def with_collect(application: Callable[..., Awaitable[None]]) -> Application:
    """The application, with /collect and /collect.js answered before it."""
    script = SCRIPT.read_bytes()

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path") if scope["type"] == "http" else None
        if path == "/collect":
            await _collect(scope, receive, send)
        elif path == "/collect.js":
            await _answer(send, 200, script, SCRIPT_HEADERS)
        else:
            await application(scope, receive, send)

    return routed


async def _collect(scope: Scope, receive: Receive, send: Send) -> None:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    shared: Headers = {}
    try:
        shared = _cors(headers)
        if scope["method"] == "OPTIONS":
            await _answer(send, 204, b"", shared | PREFLIGHT)
            return
        if scope["method"] != "POST":
            raise Refused(405, "send events by POST", allow="POST, OPTIONS")
        user_id, cookie = _visitor(headers)
        clicks = read_clicks(await _body(headers, receive), headers, user_id)
        repeated = await _take(clicks, _batch(scope, headers))
    except Refused as refusal:
        answer = msgspec.json.encode({"error": str(refusal)})
        await _answer(send, refusal.status, answer, shared | JSON | refusal.headers)
        return
    answer = msgspec.json.encode({"accepted": len(clicks), "repeated": repeated})
    await _answer(send, 202, answer, shared | JSON | cookie)


def _cors(headers: Headers) -> Headers:
    """What the browser of a site that may send events must read. Raises Refused for other sites."""
    origin = headers.get("origin")
    if origin is None or urlsplit(origin).netloc == headers.get("host"):
        return {}
    if origin not in settings.COLLECT_ORIGINS:
        raise Refused(403, f"{origin[:200]} is not among COLLECT_ORIGINS")
    return {"access-control-allow-origin": origin, "vary": "origin"}


def _visitor(headers: Headers) -> tuple[str, Headers]:
    """Whose events these are where they do not say: the visitor's id, and the cookie that keeps a new one."""
    pairs = (part.strip().partition("=") for part in headers.get("cookie", "").split(";"))
    known = next((value for name, _, value in pairs if name == settings.VISITOR_COOKIE), "")
    if len(known) == 32 and known.isalnum():
        return known, {}
    made = uuid4().hex
    cookie = f"{settings.VISITOR_COOKIE}={made}; Max-Age={VISITOR_SECONDS}; Path=/; HttpOnly; SameSite=Lax"
    return made, {"set-cookie": cookie}


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The whole body. Raises Refused where it is too long or comes too slowly."""
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length[:20]) > MOST_BYTES:
        raise Refused(413, f"at most {MOST_BYTES} bytes are taken at once")
    try:
        return await asyncio.wait_for(_read(receive), BODY_SECONDS)
    except TimeoutError:
        raise Refused(408, "the body takes too long") from None


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "the body ends in the middle")
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise Refused(413, f"at most {MOST_BYTES} bytes are taken at once")
        if not message.get("more_body"):
            return bytes(body)


def read_clicks(body: bytes, headers: Headers, user_id: str) -> list[Click]:
    """The events of a body: one, or an array. Raises Refused, and takes none where one is wrong."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(400, f"not JSON: {error}") from None
    events = content if isinstance(content, list) else [content]
    if not 1 <= len(events) <= MOST_EVENTS:
        raise Refused(400, f"{len(events)} events: send from 1 to {MOST_EVENTS} at once")
    now = datetime.now(UTC)
    given = _given(headers, user_id, now)
    return [_click(event, number, given, now) for number, event in enumerate(events, start=1)]


def _given(headers: Headers, user_id: str, now: datetime) -> dict[str, object]:
    """What an event gets that does not say it itself."""
    agent = headers.get("user-agent", "")
    has_origin = "origin" in headers  # a browser; another shop's server names its shopper's device itself
    about = {"device": device(agent), "bot": is_bot(agent)} if has_origin else {}
    return {"product_id": None, "user_id": user_id, "timestamp": now.isoformat(), **about}


def _click(event: object, number: int, given: dict[str, object], now: datetime) -> Click:
    if not isinstance(event, dict):
        raise Refused(400, f"event {number}: need a JSON object")
    whole = {"event_id": uuid4().hex, **given, **event}
    try:
        return read_click(msgspec.json.encode(whole), origin="", now=now)
    except PoisonEvent as error:
        raise Refused(400, f"event {number}: {error}") from None


def _batch(scope: Scope, headers: Headers) -> str:
    """The id of the batch, from ?batch= or X-Batch-Id; empty where it bears none."""
    named = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("batch", [""])[0]
    batch = named or headers.get("x-batch-id", "")
    if len(batch) > 128:
        raise Refused(400, "a batch id has at most 128 characters")
    return batch


async def _take(clicks: list[Click], batch: str) -> bool:
    """Have Kafka take the clicks; returns whether it had them already. Raises Refused while it is away."""
    if batch and (state := await batches.claim(batch)):
        if state == batches.TAKEN:
            return True
        raise Refused(503, "this batch is on its way", retry_after=RETRY_AFTER)
    try:
        await _hand_over(clicks)
    except Unanswered as error:
        if batch:
            error.later.add_done_callback(lambda done: _settle_later(batch, done))
        raise Refused(503, str(error), retry_after=RETRY_AFTER) from None
    except Unavailable as error:
        if batch:
            await batches.settle(batch, taken=False)
        raise Refused(503, str(error), retry_after=RETRY_AFTER) from None
    if batch:
        await batches.settle(batch, taken=True)
    return False


async def _hand_over(clicks: list[Click]) -> None:
    if settings.COLLECT_WAITS:
        await deliver(clicks)
        return
    for click in clicks:
        buffered.emit(click)


def _settle_later(batch: str, done: "asyncio.Future[None]") -> None:
    taken = not done.cancelled() and done.exception() is None
    task = asyncio.ensure_future(batches.settle(batch, taken=taken))
    _later.add(task)
    task.add_done_callback(_later.discard)


async def _answer(send: Send, status: int, body: bytes, headers: Headers) -> None:
    pairs = {**headers, "content-length": str(len(body))}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
