"""What each test card does. The start of a token names its script -> here -> bank.py.

The shop makes the tokens (orders/payments/cards.py); a test keeps the two lists alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PENDING, ACTION, AUTHORISED = "pending", "requires_action", "authorised"
CAPTURED, DECLINED, VOIDED = "captured", "declined", "voided"


@dataclass(frozen=True)
class Script:
    """What happens when a card is authorised."""

    state: str  # that the payment has at once
    reason: str = ""
    loses_answer: bool = False  # the answer never arrives: the connection is closed after a while
    tells: bool = False  # by a webhook too, although the answer says it
    later: str = ""  # the state that it comes to by itself, told by a webhook
    is_late: bool = False  # `later` takes its time
    copies: int = 1  # of the webhook
    forged_first: bool = False  # the first delivery bears a wrong signature
    reversed: bool = False  # an older webhook arrives after the newer one


SCRIPTS: Mapping[str, Script] = {
    "approve": Script(AUTHORISED),
    "decline": Script(DECLINED, "The bank declined the card and gave no reason."),
    "insufficient": Script(DECLINED, "The card has insufficient funds."),
    "timeout": Script(AUTHORISED, loses_answer=True, tells=True),
    "confirm": Script(ACTION),
    "twice": Script(AUTHORISED, tells=True, copies=2),
    "late": Script(PENDING, later=AUTHORISED, is_late=True),
    "repeated": Script(PENDING, later=AUTHORISED, copies=2),
    "unordered": Script(PENDING, later=AUTHORISED, reversed=True),
    "forged": Script(PENDING, later=AUTHORISED, forged_first=True),
}
UNKNOWN = Script(DECLINED, "The simulated bank knows only the test cards.")


def script_of(token: str) -> Script:
    """The script of a token; a card that is no test card is declined."""
    return SCRIPTS.get(token.partition("-")[0], UNKNOWN)
