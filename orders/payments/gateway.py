"""What the shop needs of a payment gateway. fulfilment.pay -> here -> simulated.py, or a real one.

Every call carries a key that was stored before, so the gateway does a thing once however often it is asked.
Calls are made outside transactions: a slow bank must not hold a lock.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol


class NoAnswer(Exception):
    """The gateway did not answer: whether it charged is not known. Ask for the state, later."""


class InvalidCard(Exception):
    """The number cannot be a card: show the message at the field."""


@dataclass(frozen=True)
class Card:
    """What is kept of a card: the gateway's token, and the digits that people recognise it by."""

    token: str
    last4: str


@dataclass(frozen=True)
class Answer:
    """What became of a charge or refund; `reason` is for people, where it was refused."""

    done: bool
    reference: str = ""
    reason: str = ""


class Gateway(Protocol):
    """A payment provider."""

    def tokenise(self, number: str) -> Card:
        """A token for a card's number, which is forgotten. Raises InvalidCard. Asks nobody."""

    def charge(self, *, key: str, token: str, amount: Decimal, currency: str) -> Answer:
        """Take the money, once a key. Raises NoAnswer."""

    def state(self, *, key: str) -> Answer | None:
        """What became of a charge; None where the gateway never heard of it. Raises NoAnswer."""

    def refund(self, *, key: str, refund_key: str, amount: Decimal) -> Answer:
        """Give back a part of what was charged under `key`, once a refund_key. Raises NoAnswer."""
