"""Amounts as people read them. mails, admin, API -> here."""

from decimal import Decimal

SIGNS = {"EUR": "€", "USD": "$", "GBP": "£"}


def money_text(amount: Decimal, currency: str) -> str:
    """`€1,199.00`; more decimals only where the amount has them; `CHF 5.00` where there is no sign."""
    exact = plain(amount)
    sign = SIGNS.get(currency)
    return f"{sign}{exact:,f}" if sign else f"{currency} {exact:,f}"


def plain(amount: Decimal) -> Decimal:
    """Without the zeros that only storage adds: two decimals, more where the amount has them."""
    return amount.quantize(Decimal("0.01")) if amount == round(amount, 2) else amount.normalize()
