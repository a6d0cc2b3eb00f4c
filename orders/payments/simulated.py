"""A gateway that moves no money: test cards say what happens. gateway.py -> here -> SimulatedCharge.

SimulatedCharge is the bank's memory, on the far side of the wire: nothing else may read it.
"""

import secrets
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from orders.models import SimulatedCharge
from orders.payments.gateway import Answer, Card, InvalidCard, NoAnswer


@dataclass(frozen=True)
class TestCard:
    """A card that the simulated bank knows."""

    __test__ = False  # pytest: no test

    number: str
    label: str
    what: str  # what happens, in a sentence
    outcome: str  # the start of its token


APPROVE, DECLINE, INSUFFICIENT, TIMEOUT, UNKNOWN = "approve", "decline", "insufficient", "timeout", "unknown"
TEST_CARDS: tuple[TestCard, ...] = (
    TestCard("4242424242424242", "Approved", "The payment goes through.", APPROVE),
    TestCard("4000000000000002", "Declined", "The bank declines and gives no reason.", DECLINE),
    TestCard(
        "4000000000009995",
        "Insufficient funds",
        "The bank says that there is too little money.",
        INSUFFICIENT,
    ),
    TestCard(
        "4000000000000119",
        "Times out once",
        "The bank's answer is lost; the shop asks again: approved.",
        TIMEOUT,
    ),
)
REASONS = {
    DECLINE: "The bank declined the card and gave no reason.",
    INSUFFICIENT: "The card has insufficient funds.",
    UNKNOWN: "The simulated bank knows only the test cards.",
}
_OUTCOMES = {card.number: card.outcome for card in TEST_CARDS}
ELSEWHERE_TOKEN = f"{APPROVE}-other-system"  # orders of other systems bring no card


class SimulatedGateway:
    """Approves, declines or loses its answer, as the token says; answers a known key as before."""

    def tokenise(self, number: str) -> Card:
        """See Gateway."""
        digits = number.replace(" ", "").replace("-", "")
        if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and luhn(digits)):
            raise InvalidCard("This is not a card number: check the digits.")
        return Card(f"{_OUTCOMES.get(digits, UNKNOWN)}-{secrets.token_hex(8)}", digits[-4:])

    def charge(self, *, key: str, token: str, amount: Decimal, currency: str) -> Answer:
        """See Gateway."""
        outcome = token.partition("-")[0]
        charge, first = SimulatedCharge.objects.get_or_create(
            key=key,
            defaults={
                "token": token,
                "currency": currency,
                "amount": amount,
                "captured": outcome in (APPROVE, TIMEOUT),
                "reason": REASONS.get(outcome, ""),
                "at": timezone.now(),
            },
        )
        if first and outcome == TIMEOUT:
            raise NoAnswer("The gateway did not answer in time.")
        return _answer(charge)

    def state(self, *, key: str) -> Answer | None:
        """See Gateway."""
        charge = SimulatedCharge.objects.filter(key=key).first()
        return _answer(charge) if charge else None

    @transaction.atomic
    def refund(self, *, key: str, refund_key: str, amount: Decimal) -> Answer:
        """See Gateway."""
        charge = SimulatedCharge.objects.select_for_update().filter(key=key, captured=True).first()
        if charge is None:
            return Answer(done=False, reason="Nothing was charged under this key.")
        if refund_key not in charge.refunds:
            given = sum((Decimal(part) for part in charge.refunds.values()), Decimal(0))
            if given + amount > charge.amount:
                return Answer(
                    done=False, reason=f"Only {charge.amount - given} {charge.currency} are left to refund."
                )
            charge.refunds[refund_key] = str(amount)
            charge.save(update_fields=["refunds"])
        return Answer(done=True, reference=f"refund-{charge.pk}-{len(charge.refunds)}")


def _answer(charge: SimulatedCharge) -> Answer:
    return Answer(done=charge.captured, reference=f"charge-{charge.pk}", reason=charge.reason)


def luhn(digits: str) -> bool:
    """Whether the last digit is the right check digit."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0
