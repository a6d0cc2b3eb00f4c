"""Cards as the shop sees them: the test cards, and a token in place of a number. Checkout -> here.

A real provider makes tokens in the browser; here the start of a token says what the simulated bank will do.
"""

import secrets
from dataclasses import dataclass

from orders.payments.gateway import Card, InvalidCard


@dataclass(frozen=True)
class TestCard:
    """A card that the simulated bank knows."""

    __test__ = False  # pytest: no test

    number: str
    label: str
    what: str  # what happens, in a sentence
    outcome: str  # the start of its token


UNKNOWN = "unknown"
TEST_CARDS: tuple[TestCard, ...] = (
    TestCard("4242424242424242", "Approved", "The payment goes through.", "approve"),
    TestCard("4000000000000002", "Declined", "The bank declines and gives no reason.", "decline"),
    TestCard(
        "4000000000009995",
        "Insufficient funds",
        "The bank says that there is too little money.",
        "insufficient",
    ),
    TestCard(
        "4000000000000119",
        "Times out once",
        "The bank's answer is lost; the shop asks again: approved.",
        "timeout",
    ),
    TestCard(
        "4000000000003220", "To be confirmed", "You confirm it on a page of the bank, or do not.", "confirm"
    ),
    TestCard("4000000000000341", "Answers twice", "The answer, and twice the same by a webhook.", "twice"),
    TestCard("4000000000000259", "Decides late", "The bank tells by a webhook, ten seconds later.", "late"),
    TestCard("4000000000002685", "Webhook twice", "The bank tells by a webhook, twice.", "repeated"),
    TestCard("4000000000001976", "Webhooks out of order", "The older news arrives last.", "unordered"),
    TestCard("4000000000005423", "Webhook wrongly signed", "Refused; the next is signed right.", "forged"),
)
ELSEWHERE_TOKEN = "approve-other-system"  # orders of other systems bring no card
_OUTCOMES = {card.number: card.outcome for card in TEST_CARDS}


def tokenise(number: str) -> Card:
    """A token for a card's number, which is forgotten. Raises InvalidCard."""
    digits = number.replace(" ", "").replace("-", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and luhn(digits)):
        raise InvalidCard("This is not a card number: check the digits.")
    return Card(f"{_OUTCOMES.get(digits, UNKNOWN)}-{secrets.token_hex(8)}", digits[-4:])


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
