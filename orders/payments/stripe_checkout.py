"""Stripe as the gateway: its own page asks for the card. gateway.py -> here -> Stripe's API.

A payment is a Checkout Session whose PaymentIntent is captured by hand: the money is set aside when the
shopper has paid on Stripe's page, and taken where the order still waits for it. The session's id is the
payment's reference. No card number passes through the shop, and no script of others runs in its pages.

https://docs.stripe.com/api/checkout/sessions and https://docs.stripe.com/api/idempotent_requests
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec
import stripe
from django.conf import settings
from stripe.checkout import Session

from orders.payments.cards import ELSEWHERE_TOKEN
from orders.payments.gateway import Card, Given, Known, NoAnswer, Outcome, Standing
from orders.payments.webhooks import Notice, Unreadable

# https://docs.stripe.com/currencies: a unit of any other currency is 100 of Stripe's
NO_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THREE_DECIMALS = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])  # of which Stripe takes two
NO_SHOPPER = "It came from another system with no payment, and nobody is there to pay on Stripe's page."
WRONG_AMOUNT = ("amount_too_small", "amount_too_large")
GIVEN = ("succeeded", "pending")  # states of refunds: the bank may take days over the second


class Unchargeable(Exception):
    """Stripe cannot take exactly this amount, and the order says no other."""


class Refused(Exception):
    """Stripe understood what we want and does not do it, now or later; the text says why."""

    def __init__(self, error: stripe.StripeError) -> None:
        super().__init__(error.user_message or error.code or type(error).__name__)
        self.code = error.code


class StripeCheckout:
    """See Gateway."""

    page = "Stripe"
    signature_header = "Stripe-Signature"

    def tokenise(self, number: str) -> Card:  # noqa: ARG002 - no number comes
        """See Gateway."""
        return Card(token="", last4="")

    def authorise(self, *, key: str, token: str, amount: Decimal, currency: str, return_url: str) -> Standing:
        """See Gateway. The same key names the same page again."""
        if token == ELSEWHERE_TOKEN:
            return Standing(Outcome.DECLINED, reason=NO_SHOPPER)
        try:
            session = _open(key, to_minor(amount, currency), currency, return_url)
        except Unchargeable as error:
            return Standing(Outcome.DECLINED, reason=str(error))
        except Refused as error:
            if error.code in WRONG_AMOUNT:
                return Standing(Outcome.DECLINED, reason=str(error))
            raise NoAnswer(f"Stripe refused the call: {error}") from error  # it is repeated: mend it
        return _standing(session)

    def capture(self, *, payment: Known, key: str) -> Standing:
        """See Gateway."""
        session = _session(payment)
        if session is None or _outcome(session) != Outcome.AUTHORISED:
            return _standing(session)
        return _do(lambda: _client().v1.payment_intents.capture(_intent(session).id, {}, _once(key)), payment)

    def void(self, *, payment: Known, key: str) -> Standing:
        """See Gateway. A page that is still open is closed; what was paid on it meanwhile is given up."""
        standing = _standing(_session(payment))
        if standing.outcome == Outcome.ACTION:
            standing = _do(
                lambda: _client().v1.checkout.sessions.expire(standing.reference, {}, _once(key)), payment
            )
        if standing.outcome in (Outcome.AUTHORISED, Outcome.PENDING) and (session := _session(payment)):
            intent, other_key = _intent(session).id, f"{key}/intent"
            standing = _do(lambda: _client().v1.payment_intents.cancel(intent, {}, _once(other_key)), payment)
        return standing

    def refund(self, *, payment: Known, key: str, amount: Decimal) -> Given:
        """See Gateway."""
        session = _session(payment)
        if session is None or (intent := session.payment_intent) is None:
            return Given(done=False, reason="Nothing was paid on Stripe's page.")
        assert not isinstance(intent, str)  # it was asked for whole
        names = {"key": key, "payment": payment.key}
        try:
            cents = to_minor(amount, intent.currency)
            with _answers():
                refund = _client().v1.refunds.create(
                    {"payment_intent": intent.id, "amount": cents, "metadata": names}, _once(key)
                )
        except (Refused, Unchargeable) as error:
            return Given(done=False, reason=str(error))
        done = refund.status in GIVEN
        return Given(done, refund.id, "" if done else refund.failure_reason or str(refund.status))

    def state(self, *, payment: Known) -> Standing | None:
        """See Gateway. Without a reference no shopper can have been told the page."""
        session = _session(payment)
        if session is None:
            return None
        standing = _standing(session)
        if standing.outcome != Outcome.CAPTURED:
            return standing
        intent = session.payment_intent
        return replace(standing, refunds=_refunds(intent) if isinstance(intent, stripe.PaymentIntent) else {})

    def notice(self, body: bytes) -> Notice:
        """See Gateway. Stripe tells of much that is no payment of ours: its key is then empty."""
        try:
            event = msgspec.json.decode(body, type=_Event)
        except msgspec.MsgspecError as error:
            raise Unreadable(str(error)) from error
        return Notice(event.id, event.type[:60], event.data.object.metadata.get("payment", "")[:160])


class _Object(msgspec.Struct):
    metadata: dict[str, str] = {}


class _Data(msgspec.Struct):
    object: _Object


class _Event(msgspec.Struct):
    """As much of an event as we read: https://docs.stripe.com/api/events/object"""

    id: str
    type: str
    data: _Data


def to_minor(amount: Decimal, currency: str) -> int:
    """An amount in the smallest units that Stripe counts in. Raises Unchargeable rather than round."""
    code = currency.upper()
    exponent = 0 if code in NO_DECIMALS else 3 if code in THREE_DECIMALS else 2
    minor = amount.scaleb(exponent)
    if minor != int(minor) or (exponent == 3 and minor % 10):
        raise Unchargeable(f"Stripe cannot take or give exactly {amount.normalize():f} {code}.")
    return int(minor)


def from_minor(minor: int, currency: str) -> Decimal:
    """The reverse of to_minor."""
    code = currency.upper()
    return Decimal(minor).scaleb(0 if code in NO_DECIMALS else -3 if code in THREE_DECIMALS else -2)


def _open(key: str, cents: int, currency: str, return_url: str) -> Session:
    """A page to pay on. Raises Refused, NoAnswer. The same key with the same rest: the same page."""
    names = {"payment": key}
    what = {"name": f"{settings.SHOP_NAME}, order {key.partition('/')[0]}"}
    price = {"currency": currency.lower(), "unit_amount": cents, "product_data": what}
    params: Any = {
        "mode": "payment",
        "client_reference_id": key,
        "metadata": names,
        "payment_method_types": ["card"],  # not all others can be captured later
        "payment_intent_data": {"capture_method": "manual", "metadata": names},
        "line_items": [{"quantity": 1, "price_data": price}],
        "success_url": return_url,
        "cancel_url": return_url,
        "expand": ["payment_intent"],
    }
    with _answers():
        return _client().v1.checkout.sessions.create(params, _once(key))


def _session(payment: Known) -> Session | None:
    """A payment's page and what was paid on it; None where there is none."""
    if not payment.reference:
        return None
    try:
        with _answers():
            return _client().v1.checkout.sessions.retrieve(payment.reference, {"expand": ["payment_intent"]})
    except Refused as error:
        if error.code == "resource_missing":
            return None
        raise NoAnswer(f"Stripe refused the call: {error}") from error


def _intent(session: Session) -> stripe.PaymentIntent:
    intent = session.payment_intent
    assert isinstance(intent, stripe.PaymentIntent)  # it was asked for whole, and has an outcome
    return intent


def _do(act: Callable[[], object], payment: Known) -> Standing:
    """Act on a payment; how it stands then, and why nothing was done where Stripe refused."""
    reason = ""
    try:
        with _answers():
            act()
    except Refused as error:
        reason = str(error)  # it has changed since we looked: what it is now is the answer
    standing = _standing(_session(payment))
    return replace(standing, reason=standing.reason or reason)


def _standing(session: Session | None) -> Standing:
    if session is None:
        return Standing(Outcome.VOIDED, reason="Stripe knows no page for it.")
    outcome, intent = _outcome(session), session.payment_intent
    captured, reason = Decimal(0), ""
    if isinstance(intent, stripe.PaymentIntent):
        captured = from_minor(intent.amount_received or 0, intent.currency)
        if outcome == Outcome.DECLINED and intent.last_payment_error:
            reason = intent.last_payment_error.message or ""
    return Standing(
        outcome=outcome,
        reference=session.id,
        reason=reason,
        confirm_url=(session.url or "") if outcome == Outcome.ACTION else "",
        captured=captured,
    )


def _outcome(session: Session) -> Outcome:
    """https://docs.stripe.com/payments/paymentintents/lifecycle"""
    intent = session.payment_intent
    if session.status == "expired":
        return Outcome.VOIDED
    if session.status == "open":
        return Outcome.ACTION
    if not isinstance(intent, stripe.PaymentIntent):
        return Outcome.CAPTURED  # there was nothing to pay
    return {
        "requires_capture": Outcome.AUTHORISED,
        "succeeded": Outcome.CAPTURED,
        "canceled": Outcome.VOIDED,
        "requires_payment_method": Outcome.DECLINED,
    }.get(intent.status, Outcome.PENDING)


def _refunds(intent: stripe.PaymentIntent) -> dict[str, Decimal]:
    """What was given back, by our keys; what people gave back at Stripe, by its own."""
    with _answers():
        page = _client().v1.refunds.list({"payment_intent": intent.id, "limit": 100})
        return {
            _key_of(refund): from_minor(refund.amount, refund.currency)
            for refund in page.auto_paging_iter()
            if refund.status in GIVEN
        }


def _key_of(refund: stripe.Refund) -> str:
    names = refund.metadata.to_dict() if refund.metadata else {}
    return str(names.get("key", refund.id))


@contextmanager
def _answers() -> Iterator[None]:
    """Tell Stripe's errors apart. Raises Refused, or NoAnswer where asking again may help."""
    try:
        yield
    except (stripe.InvalidRequestError, stripe.CardError) as error:
        raise Refused(error) from error
    except stripe.StripeError as error:
        told, status = error.user_message or type(error).__name__, error.http_status or "no answer"
        raise NoAnswer(f"Stripe did not answer as it should ({status}): {told}") from error


def _once(key: str) -> stripe.RequestOptions:
    return {"idempotency_key": key}


def _client() -> stripe.StripeClient:
    account, timeout = settings.GATEWAY_ACCOUNT, settings.GATEWAY_TIMEOUT_SECONDS
    return client(settings.STRIPE_URL, settings.GATEWAY_KEY, account, timeout)


@cache
def client(address: str, key: str, account: str, timeout: float) -> stripe.StripeClient:
    """Stripe's own client; each thread keeps its connection. It repeats nothing: charging.py does."""
    return stripe.StripeClient(
        key,
        stripe_account=account or None,
        base_addresses={"api": address},
        http_client=stripe.RequestsClient(timeout=timeout),
        max_network_retries=0,
    )
