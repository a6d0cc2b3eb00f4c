"""A bank whose answers get lost, and during whose thinking others act. The state machine's gateway."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Final, TypeVar

from orders.payments.gateway import Given, Known, NoAnswer, Standing
from orders.payments.simulated import SimulatedGateway

Said = TypeVar("Said")
AT_ONCE: Final = "at once"
NOT_ASKED: Final = "lost on the way there"
NOT_HEARD: Final = "lost on the way back"
ANSWERS: Final = (AT_ONCE, NOT_ASKED, NOT_HEARD)


class MoodyBank(SimulatedGateway):
    """The simulated gateway behind a bad line."""

    def __init__(self) -> None:
        self._answer = AT_ONCE
        self._meanwhile: Callable[[], object] | None = None

    @contextmanager
    def mood(self, answer: str, meanwhile: Callable[[], object] | None = None) -> Iterator[None]:
        """How it answers for now. meanwhile: what others do once, while it is asked the first time."""
        self._answer, self._meanwhile = answer, meanwhile
        try:
            yield
        finally:
            self._answer, self._meanwhile = AT_ONCE, None

    def authorise(self, *, key: str, token: str, amount: Decimal, currency: str, return_url: str) -> Standing:
        """See Gateway."""
        ask = super().authorise
        return self._through(
            lambda: ask(key=key, token=token, amount=amount, currency=currency, return_url=return_url)
        )

    def capture(self, *, payment: Known, key: str) -> Standing:
        """See Gateway."""
        ask = super().capture
        return self._through(lambda: ask(payment=payment, key=key))

    def void(self, *, payment: Known, key: str) -> Standing:
        """See Gateway."""
        ask = super().void
        return self._through(lambda: ask(payment=payment, key=key))

    def state(self, *, payment: Known) -> Standing | None:
        """See Gateway."""
        ask = super().state
        return self._through(lambda: ask(payment=payment))

    def refund(self, *, payment: Known, key: str, amount: Decimal) -> Given:
        """See Gateway."""
        ask = super().refund
        return self._through(lambda: ask(payment=payment, key=key, amount=amount))

    def _through(self, ask: Callable[[], Said]) -> Said:
        others, self._meanwhile = self._meanwhile, None  # once, also where they ask the bank themselves
        if self._answer == NOT_ASKED:
            raise NoAnswer("The line is dead.")
        said = ask()
        if others is not None:
            others()
        if self._answer == NOT_HEARD:
            raise NoAnswer("The line is dead.")
        return said
