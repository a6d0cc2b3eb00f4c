"""What can be seen of a card before a bank is asked. forms.py -> here; the gateway gets the number."""

from collections.abc import Sequence
from datetime import date

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from orders.payments.cards import TEST_CARDS, TestCard, luhn

SHORTEST, LONGEST, USUAL = 12, 19, 16  # digits of a card's number


def offered() -> Sequence[TestCard]:
    """The test cards that the payment step lists; none outside the demo."""
    return TEST_CARDS if settings.DEMO else ()


def check_number(text: str) -> None:
    """Raise ValidationError, with what is wrong, unless this can be a card's number."""
    digits = text.replace(" ", "").replace("-", "")
    if not digits:
        raise ValidationError("Card number is missing.", code="missing")
    if not (digits.isascii() and digits.isdigit()):
        raise ValidationError("A card number has digits only.", code="not only digits")
    if len(digits) == USUAL - 1:
        raise ValidationError(
            "This number is one digit short. Check it against the card.", code="one digit short"
        )
    if not SHORTEST <= len(digits) <= LONGEST:
        raise ValidationError(
            f"A card number has {SHORTEST} to {LONGEST} digits, this has {len(digits)}.",
            code="too short" if len(digits) < SHORTEST else "too long",
        )
    if not luhn(digits):
        raise ValidationError(
            "One digit of this number is wrong. Check it against the card.", code="a digit is wrong"
        )


def check_until(text: str) -> None:
    """Raise ValidationError unless this is a month and year that are not over."""
    month, _, year = text.replace(" ", "").replace("-", "/").partition("/")
    if not text.strip():
        raise ValidationError("The month and year are missing.", code="missing")
    if not (month.isdecimal() and year.isdecimal() and 1 <= int(month) <= 12 and len(year) in (2, 4)):
        raise ValidationError("Write the month and the year, as 04 / 29.", code="not a month and year")
    last = date(int(year) % 100 + 2000, int(month), 1)
    if last < timezone.localdate().replace(day=1):
        raise ValidationError("This card is no longer valid.", code="over")


def check_code(text: str) -> None:
    """Raise ValidationError unless these are the three or four digits of a security code."""
    if not text.strip():
        raise ValidationError("The three digits on the back are missing.", code="missing")
    if not (text.strip().isdecimal() and len(text.strip()) in (3, 4)):
        raise ValidationError("Three digits, on the back of the card.", code="not three digits")


TYPED_FIELDS = {"card_number": check_number, "card_until": check_until, "card_code": check_code}
