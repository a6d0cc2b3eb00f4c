"""A mail server that is no server: it does with each mail what a test says."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class _Server(BaseEmailBackend):
    def __init__(self, take: Callable[[EmailMessage], None]) -> None:
        super().__init__()
        self._take = take

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            self._take(message)
        return len(email_messages)


@contextmanager
def mails_go_to(take: Callable[[EmailMessage], None]) -> Iterator[None]:
    """Whatever is sent to customers meanwhile is given to `take`, which may raise."""
    with patch("orders.sending.get_connection", lambda: _Server(take)):
        yield


@contextmanager
def mails_fail(error: Exception) -> Iterator[None]:
    """No mail is taken meanwhile."""

    def refuse(_message: EmailMessage) -> None:
        raise error

    with mails_go_to(refuse):
        yield
