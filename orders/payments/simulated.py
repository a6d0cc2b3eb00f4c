"""The simulated gateway as the shop asks it. gateway.py -> here -> wire.py -> `manage.py gateway`."""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote

import msgspec
from django.conf import settings

from orders.payments import cards, webhooks
from orders.payments.gateway import Card, Given, Known, NoAnswer, Outcome, Standing
from orders.payments.wire import Wire

NOT_FOUND = 404


class SimulatedGateway:
    """See Gateway."""

    page = ""
    signature_header = "Gateway-Signature"

    def tokenise(self, number: str) -> Card:
        """See Gateway."""
        return cards.tokenise(number)

    def authorise(self, *, key: str, token: str, amount: Decimal, currency: str, return_url: str) -> Standing:
        """See Gateway."""
        fields = {"token": token, "amount": str(amount), "currency": currency}
        more = {"return_url": return_url, "webhook_url": webhook_url()}
        return _standing(_post("/v1/payments", key, fields | more))

    def capture(self, *, payment: Known, key: str) -> Standing:
        """See Gateway."""
        return _standing(_post("/v1/payments/capture", key, {"payment": payment.key}))

    def void(self, *, payment: Known, key: str) -> Standing:
        """See Gateway."""
        return _standing(_post("/v1/payments/void", key, {"payment": payment.key}))

    def refund(self, *, payment: Known, key: str, amount: Decimal) -> Given:
        """See Gateway."""
        told = _post("/v1/refunds", key, {"payment": payment.key, "amount": str(amount)})
        return Given(told["done"], told["id"], told["reason"])

    def state(self, *, payment: Known) -> Standing | None:
        """See Gateway."""
        told = _ask("GET", f"/v1/payments?payment={quote(payment.key, safe='')}", "", None)
        return None if told is None else _standing(told)

    def notice(self, body: bytes) -> webhooks.Notice:
        """See Gateway."""
        return webhooks.read(body)


def webhook_url() -> str:
    """Where the gateway tells us what no answer told."""
    return f"{settings.WEBHOOK_ORIGIN or settings.SHOP_ORIGIN}/payments/webhook"


def _post(path: str, key: str, fields: Mapping[str, str]) -> dict[str, Any]:
    told = _ask("POST", path, key, fields)
    if told is None:
        raise NoAnswer("The gateway knows nothing of this payment.")
    return told


def _ask(method: str, path: str, key: str, fields: Mapping[str, str] | None) -> dict[str, Any] | None:
    """The answer, None for 404. Raises NoAnswer, also where our call was wrong: mend it, it is repeated."""
    headers = {
        "Authorization": f"Bearer {settings.GATEWAY_KEY}",
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "Gateway-Account": settings.GATEWAY_ACCOUNT,
    }
    body = msgspec.json.encode(fields) if fields else b""
    status, told = wire(settings.GATEWAY_URL, settings.GATEWAY_TIMEOUT_SECONDS).ask(
        method, path, body, headers
    )
    if status == NOT_FOUND:
        return None
    try:
        answer: dict[str, Any] = msgspec.json.decode(told)
    except msgspec.DecodeError as error:
        raise NoAnswer(f"The gateway's answer ({status}) is not readable: {error}.") from error
    if status != 200:
        raise NoAnswer(f"The gateway refused the call ({status}): {answer.get('error', '')}")
    return answer


def _standing(told: Mapping[str, Any]) -> Standing:
    return Standing(
        outcome=Outcome(told["state"]),
        reference=told["id"],
        reason=told["reason"],
        confirm_url=told["confirm_url"],
        captured=Decimal(told["captured"]),
        refunds={key: Decimal(amount) for key, amount in told["refunds"].items()},
    )


@cache
def wire(address: str, timeout: float) -> Wire:
    """The connections to a gateway, shared by all threads."""
    return Wire(address, timeout)
