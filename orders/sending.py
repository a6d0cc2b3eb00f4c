"""Send the mails that are due, and again later what was not taken. tasks -> here -> SMTP or files.

Outside every transaction, with a lease. The words are stored before they go out: so every try says the same,
and the desk shows what the customer got. A server can't be asked whether it took a mail: one whose answer
was lost goes out again, under the same Message-ID, by which servers and mail programs recognise it.
"""

import logging
from collections.abc import Mapping
from datetime import timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPResponseException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F
from django.utils import timezone

from orders import news
from orders.letters import Letter, letter_of
from orders.models import Mail

logger = logging.getLogger(__name__)
AT_ONCE = 50  # mails over one connection, in one run of the task: a run that was full asks for the next
LEASE = timedelta(seconds=settings.LEASE_SECONDS)
MAX_TRIES = 30  # with back-off: about a day
MAX_PAUSE = timedelta(hours=1)
GOES_AWAY = 421  # the server ends the connection with this answer
PERMANENT = 500  # and above: the server will say the same at every try


class ServerAway(Exception):
    """The mail server does not let us in: that is no mail's fault, so none but this one need try."""


def send_due() -> int:
    """Send what is due, oldest first, over one connection; how many were tried, at most AT_ONCE."""
    server: BaseEmailBackend = get_connection()
    tried = 0
    try:
        for mail in due_mails():
            tried += 1
            _send(mail, server)
    except ServerAway as error:
        logger.warning("mails wait: %s", error)
    finally:
        server.close()
    return tried


def due_mails() -> list[Mail]:
    """Mails that wait to be sent, oldest first, each with its order and lines: at most AT_ONCE."""
    due = Mail.objects.filter(state=Mail.State.DUE, next_try_at__lte=timezone.now())
    with_words = due.select_related("order").prefetch_related("order__lines")
    return list(with_words.order_by("next_try_at")[:AT_ONCE])


def _send(mail: Mail, server: BaseEmailBackend) -> None:
    """Send one, unless somebody else has taken it. Raises ServerAway."""
    try:
        letter = letter_of(mail)
    except Exception as error:  # whatever breaks the words of one must not hold up those behind it
        logger.exception("mail %s of order %s can't be put in words", mail.kind, mail.order_id)
        if _lease(mail, None):
            _later(mail, str(error))
        return
    if _lease(mail, letter):
        _deliver(mail, letter, server)


def _lease(mail: Mail, letter: Letter | None) -> bool:
    """Take the right to send a mail, and store what goes out; False where somebody else has taken it."""
    now = timezone.now()
    words = {"subject": letter.subject, "text": letter.text, "html": letter.html} if letter else {}
    due = Mail.objects.filter(pk=mail.pk, state=Mail.State.DUE, next_try_at__lte=now)
    mail.tries += 1
    return bool(due.update(next_try_at=now + LEASE, tries=F("tries") + 1, **words))


def _deliver(mail: Mail, letter: Letter, server: BaseEmailBackend) -> None:
    try:
        server.open()  # does nothing where it is open
    except OSError as error:  # SMTP's own are such, too
        _later(mail, _said(error))
        raise ServerAway(_said(error)) from error
    try:
        server.send_messages([_message(mail, letter)])
    except (SMTPRecipientsRefused, SMTPDataError) as error:
        code, said = _answer(error)
        if code >= PERMANENT:
            _give_up(mail, f"refused: {code} {said}")
        else:
            _later(mail, f"{code} {said}")
        if code == GOES_AWAY:
            server.close()
    except OSError as error:
        server.close()  # it may be half in a mail: the next one begins anew
        _later(mail, _said(error))
    else:
        _end(mail, Mail.State.SENT, sent_at=timezone.now())


def _answer(error: SMTPRecipientsRefused | SMTPDataError) -> tuple[int, str]:
    """The server's code and words."""
    if isinstance(error, SMTPDataError):
        return error.smtp_code, _text(error.smtp_error)
    refusals: Mapping[str, tuple[int, bytes]] = error.recipients
    code, said = next(iter(refusals.values()))  # a mail has one recipient
    return code, _text(said)


def _said(error: OSError) -> str:
    """An answer in the server's own words, any other trouble in the system's."""
    if isinstance(error, SMTPResponseException):
        return f"{error.smtp_code} {_text(error.smtp_error)}"
    return str(error) or type(error).__name__


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


def _later(mail: Mail, why: str) -> None:
    """Try again after a pause that grows with each try, or say that it was given up."""
    if mail.tries >= MAX_TRIES:
        _give_up(mail, f"given up after {mail.tries} tries: {why}")
        return
    pause = min(timedelta(seconds=10 * 2**mail.tries), MAX_PAUSE)
    Mail.objects.filter(pk=mail.pk).update(why=f"not yet: {why}"[:200], next_try_at=timezone.now() + pause)


def _give_up(mail: Mail, why: str) -> None:
    logger.error("mail %s of order %s failed: %s", mail.kind, mail.order_id, why)
    _end(mail, Mail.State.FAILED, why=why[:200])


def _end(mail: Mail, state: Mail.State, *, why: str = "", **facts: object) -> None:
    Mail.objects.filter(pk=mail.pk).update(state=state, why=why, next_try_at=None, **facts)
    news.tell([mail.order_id])


def _message(mail: Mail, letter: Letter) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        subject=letter.subject, body=letter.text, to=[mail.to], headers={"Message-ID": mail.message_id}
    )
    message.attach_alternative(letter.html, "text/html")
    return message
