"""What a demo says when everything runs: where to look, how to log in, how to stop."""

from collections.abc import Sequence

from django.conf import settings

from orders.payments.cards import TEST_CARDS
from shopsite.config import LOCAL_DIR

WIDTH = 100


def banner(*, origin: str, token: str, username: str, password: str, kafka: str, notes: Sequence[str]) -> str:
    """The text; origin is the shop's address without a slash at its end."""
    rows = [
        ("Shop", f"{origin}/"),
        ("Dashboard", f"{origin}/login/once/{token}/"),
        ("", "(this link logs you in, once; afterwards use the password)"),
        ("Admin", f"{origin}/admin/"),
        ("Staff login", f"{username} / {password}"),
        *_cards(),
        ("Kafka", kafka),
        ("Logs", f"{LOCAL_DIR / 'logs'}"),
        *(("Note", note) for note in notes),
        ("Stop", "Ctrl-C"),
    ]
    lines = [f"  {name:<12} {text}" for name, text in rows]
    return "\n".join(["", "=" * WIDTH, *lines, "=" * WIDTH, ""])


def _cards() -> list[tuple[str, str]]:
    """The simulated bank's cards, where it is asked."""
    if settings.PAYMENT_GATEWAY != "simulated":
        return [("Payments", f"{settings.PAYMENT_GATEWAY}, at {settings.STRIPE_URL}")]
    cards = [f"{card.number}  {card.label}" for card in TEST_CARDS]
    return [("Test cards", cards[0]), *(("", card) for card in cards[1:])]
