"""Stripe's side of what orders/payments/stripe_checkout.py asks, over HTTP, on this machine.

As much as its API's documents say of Checkout Sessions, PaymentIntents, refunds and idempotency keys: the
same key gives the same answer, and an error where the rest of the call differs.
"""

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from shopsite.gateway.webhooks import signature

Fields = dict[str, str]  # as sent: {"payment_intent_data[metadata][payment]": "..."}
Row = dict[str, Any]
PAGE = "https://checkout.stripe.com/c/pay/"
LONG = "#" + "fidkdWxOYHwnPyd1blpxYHZxWjA0" * 24  # such addresses are longer than 500 characters


class Problem(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, message: str, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"type": kind, "code": code, "message": message}}


class StripeSide:
    """One account at Stripe."""

    KEY, SECRET = "sk_test_of_this_run", "whsec_of_this_run"

    def __init__(self) -> None:
        self.sessions: dict[str, Row] = {}
        self.intents: dict[str, Row] = {}
        self.refunds: dict[str, Row] = {}
        self.calls: list[str] = []  # "POST /v1/refunds"
        self.once: dict[str, tuple[str, int, Row]] = {}  # by idempotency key
        self.trouble: Problem | None = None  # the answer to every call, while it is set
        self.deaf = False  # it does what it is told, and the answer is lost
        self._lock = threading.Lock()

    # --- the shopper, and time -------------------------------------------------------------------
    def session_of(self, payment: str) -> Row:
        """The one session of a payment's key."""
        (found,) = [row for row in self.sessions.values() if row["client_reference_id"] == payment]
        return found

    def shopper_pays(self, payment: str) -> None:
        """Their card is good: the money is set aside."""
        session = self.session_of(payment)
        assert session["status"] == "open", "the page is closed"
        if not session["amount_total"]:
            session.update(status="complete", url=None)
            return
        intent = {
            "id": f"pi_{secrets.token_hex(8)}",
            "object": "payment_intent",
            "status": "requires_capture",
            "amount": session["amount_total"],
            "amount_received": 0,
            "currency": session["currency"],
            "metadata": session["intent_metadata"],
            "last_payment_error": None,
        }
        self.intents[intent["id"]] = intent
        session.update(status="complete", payment_intent=intent["id"], url=None)

    def page_expires(self, payment: str) -> None:
        """A day has passed."""
        self.session_of(payment).update(status="expired", url=None)

    def money(self, payment: str) -> tuple[int, int]:
        """(captured, given back) of a payment, in cents."""
        intent = self.session_of(payment)["payment_intent"]
        given = [row["amount"] for row in self.refunds.values() if row["payment_intent"] == intent]
        return (self.intents[intent]["amount_received"] if intent else 0), sum(given)

    def webhook(self, kind: str, payment: str, *, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
        """(body, headers) of an event about a payment's session."""
        event = {
            "id": f"evt_{secrets.token_hex(8)}",
            "type": kind,
            "data": {"object": self.session_of(payment)},
        }
        body = json.dumps({"object": "event", "api_version": "2026-01-01", **event}).encode()
        return body, {"Stripe-Signature": signature(secret, body, int(time.time()))}

    # --- the API ---------------------------------------------------------------------------------
    def answer(self, method: str, path: str, fields: Fields, key: str) -> tuple[int, Row]:
        """One call's status and body."""
        with self._lock:
            self.calls.append(f"{method} {path}")
            if self.trouble:
                return self.trouble.status, self.trouble.body
            asked = f"{method} {path} {sorted(fields.items())}"
            if key in self.once:
                before, status, told = self.once[key]
                if before != asked:
                    problem = Problem(400, "", "Keys are for one call", kind="idempotency_error")
                    return problem.status, problem.body
                return status, told
            try:
                status, told = 200, self._do(method, path.removeprefix("/v1/").split("/"), fields)
            except Problem as problem:
                status, told = problem.status, problem.body
            if key:
                self.once[key] = asked, status, json.loads(json.dumps(told))
            return status, told

    def _do(self, method: str, path: list[str], fields: Fields) -> Row:
        match method, path:
            case "POST", ["checkout", "sessions"]:
                return self._open(fields)
            case "GET", ["checkout", "sessions", name]:
                return self._shown(self._find(self.sessions, name), fields)
            case "POST", ["checkout", "sessions", name, "expire"]:
                session = self._find(self.sessions, name)
                if session["status"] != "open":
                    raise Problem(400, "", "Only open sessions can be expired.")
                session.update(status="expired", url=None)
                return self._shown(session, fields)
            case "POST", ["payment_intents", name, ("capture" | "cancel") as act]:
                intent = self._find(self.intents, name)
                if intent["status"] != "requires_capture":
                    raise Problem(400, "payment_intent_unexpected_state", f"It is {intent['status']}.")
                if act == "capture":
                    intent.update(status="succeeded", amount_received=intent["amount"])
                else:
                    intent.update(status="canceled")
                return intent
            case "POST", ["refunds"]:
                return self._refund(fields)
            case "GET", ["refunds"]:
                rows = [
                    row for row in self.refunds.values() if row["payment_intent"] == fields["payment_intent"]
                ]
                return {"object": "list", "data": rows, "has_more": False, "url": "/v1/refunds"}
        raise Problem(404, "", f"Unrecognized request URL ({method}: {path}).")

    def _open(self, fields: Fields) -> Row:
        cents = int(fields["line_items[0][price_data][unit_amount]"])
        if 0 < cents < 50:
            raise Problem(400, "amount_too_small", "The amount must be at least €0.50 eur.")
        assert fields["mode"] == "payment"
        assert fields["payment_intent_data[capture_method]"] == "manual"
        name = f"cs_test_{secrets.token_hex(29)}"
        self.sessions[name] = {
            "id": name,
            "object": "checkout.session",
            "status": "open",
            "url": PAGE + name + LONG,
            "client_reference_id": fields["client_reference_id"],
            "metadata": {"payment": fields["metadata[payment]"]},
            "intent_metadata": {"payment": fields["payment_intent_data[metadata][payment]"]},
            "amount_total": cents * int(fields["line_items[0][quantity]"]),
            "currency": fields["line_items[0][price_data][currency]"],
            "success_url": fields["success_url"],
            "payment_intent": None,
        }
        return self._shown(self.sessions[name], fields)

    def _refund(self, fields: Fields) -> Row:
        intent = self._find(self.intents, fields["payment_intent"])
        before = sum(r["amount"] for r in self.refunds.values() if r["payment_intent"] == intent["id"])
        if before + int(fields["amount"]) > intent["amount_received"]:
            raise Problem(400, "", "Refund amount is greater than unrefunded amount on charge.")
        row = {
            "id": f"re_{secrets.token_hex(8)}",
            "object": "refund",
            "status": "succeeded",
            "amount": int(fields["amount"]),
            "currency": intent["currency"],
            "payment_intent": intent["id"],
            "metadata": {"key": fields["metadata[key]"], "payment": fields["metadata[payment]"]},
        }
        self.refunds[row["id"]] = row
        return row

    def _shown(self, session: Row, fields: Fields) -> Row:
        if fields.get("expand[0]") == "payment_intent" and session["payment_intent"]:
            return session | {"payment_intent": self.intents[session["payment_intent"]]}
        return session

    def _find(self, rows: dict[str, Row], name: str) -> Row:
        if name not in rows:
            raise Problem(404, "resource_missing", f"No such object: {name}")
        return rows[name]


@contextmanager
def serving(side: StripeSide) -> Iterator[str]:
    """The address at which it answers."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(side))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(side: StripeSide) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one piece

        def do_GET(self) -> None:
            """Ask."""
            self._answer("GET", urlsplit(self.path).query)

        def do_POST(self) -> None:
            """Act."""
            length = int(self.headers.get("Content-Length", 0))
            self._answer("POST", self.rfile.read(length).decode())

        def _answer(self, method: str, form: str) -> None:
            fields = {name: values[0] for name, values in parse_qs(form, keep_blank_values=True).items()}
            path, key = urlsplit(self.path).path, self.headers.get("Idempotency-Key", "")
            if method == "GET":
                key = ""
            if self.headers.get("Authorization") != f"Bearer {side.KEY}":
                problem = Problem(401, "", "Invalid API Key provided")
                status, told = problem.status, problem.body
            else:
                status, told = side.answer(method, path, fields, key)
            if side.deaf:
                self.close_connection = True
                return
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        log_message: Callable[..., None] = lambda *_: None

    return Handler
