"""What the shop needs of a payment gateway. fulfilment -> here -> simulated.py, or stripe_checkout.py.

A payment is authorised under a key that was stored before, then captured; it can be voided until then, and
refunded in parts afterwards. Whoever asks again with the same key is told how things stand, and nothing is
done twice. Calls are made outside transactions: a slow bank must not hold a lock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from orders.payments.webhooks import Notice


class NoAnswer(Exception):
    """The gateway did not answer: what it did is not known. Ask for the state, later."""


class InvalidCard(Exception):
    """The number cannot be a card: show the message at the field."""


class Outcome(StrEnum):
    """Where a payment stands at the gateway."""

    PENDING = "pending"  # the bank decides later, and tells by a webhook
    ACTION = "requires_action"  # the shopper must confirm it first
    AUTHORISED = "authorised"  # the money is set aside; nobody has it yet
    CAPTURED = "captured"
    DECLINED = "declined"
    VOIDED = "voided"  # can never be captured


@dataclass(frozen=True)
class Card:
    """What is kept of a card: the gateway's token, and the digits that people recognise it by.

    Both are empty where the gateway asks for the card itself.
    """

    token: str
    last4: str


@dataclass(frozen=True)
class Known:
    """A payment's names: ours, and the gateway's, which is empty until it has told us."""

    key: str  # under which it was authorised
    reference: str = ""


@dataclass(frozen=True)
class Standing:
    """How a payment stands; `reason` is for people, where it was declined."""

    outcome: Outcome
    reference: str = ""  # the gateway's name for it
    reason: str = ""
    confirm_url: str = ""  # where the shopper confirms it
    captured: Decimal = Decimal(0)
    refunds: Mapping[str, Decimal] = field(default_factory=dict)  # by their keys


@dataclass(frozen=True)
class Given:
    """What became of a refund."""

    done: bool
    reference: str = ""
    reason: str = ""


class Gateway(Protocol):
    """A payment provider. tokenise and notice ask nobody; every other call raises NoAnswer."""

    page: str  # whose page asks for the card, such as "Stripe"; empty: our checkout asks for its number
    signature_header: str  # of its webhooks, in the form of webhooks.py

    def tokenise(self, number: str) -> Card:
        """A token for a card's number, which is forgotten. Raises InvalidCard."""

    def authorise(self, *, key: str, token: str, amount: Decimal, currency: str, return_url: str) -> Standing:
        """Set an amount aside, once a key. return_url: where the shopper goes after confirming."""

    def capture(self, *, payment: Known, key: str) -> Standing:
        """Take all that was authorised; anything not authorised stays as it is."""

    def void(self, *, payment: Known, key: str) -> Standing:
        """Never take it; what was captured already stays so."""

    def refund(self, *, payment: Known, key: str, amount: Decimal) -> Given:
        """Give back a part of what was captured, once a key."""

    def state(self, *, payment: Known) -> Standing | None:
        """How a payment stands; None where the gateway never heard of it, or nobody could pay it."""

    def notice(self, body: bytes) -> Notice:
        """What a webhook says. Raises Unreadable."""
