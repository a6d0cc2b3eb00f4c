"""Send the mails that are due, and again later what was not taken. tasks -> here -> SMTP or files.

Outside every transaction, with a lease. The words are stored before they go out: so every try says the same,
and the desk shows what the customer got. A crash between the server's answer and our note of it can repeat
a mail: its Message-ID is the same, so mail programs show it once.
"""

import logging
from datetime import timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db.models import F
from django.utils import timezone

from orders import news
from orders.letters import Letter, letter_of
from orders.models import Mail

logger = logging.getLogger(__name__)
AT_ONCE = 50  # mails in one run of the task: a run that was full asks for the next
LEASE = timedelta(seconds=settings.LEASE_SECONDS)
MAX_TRIES = 10  # with back-off: about two hours
MAX_PAUSE = timedelta(minutes=30)


def send_due() -> int:
    """Send what is due, oldest first; how many were tried, at most AT_ONCE."""
    due = due_mails()
    for mail in due:
        _send(mail)
    return len(due)


def due_mails() -> list[Mail]:
    """Mails that wait to be sent, oldest first, each with its order and lines: at most AT_ONCE."""
    due = Mail.objects.filter(state=Mail.State.DUE, next_try_at__lte=timezone.now())
    return list(
        due.select_related("order").prefetch_related("order__lines").order_by("next_try_at")[:AT_ONCE]
    )


def _send(mail: Mail) -> None:
    try:
        letter = letter_of(mail)
    except Exception as error:  # whatever breaks the words of one must not hold up those behind it
        logger.exception("mail %s of order %s can't be put in words", mail.kind, mail.order_id)
        if _lease(mail, None):
            _later(mail, error)
        return
    if _lease(mail, letter):
        _deliver(mail, letter)


def _lease(mail: Mail, letter: Letter | None) -> bool:
    """Take the right to send a mail, and store what goes out; False where somebody else has taken it."""
    now = timezone.now()
    words = {"subject": letter.subject, "text": letter.text, "html": letter.html} if letter else {}
    due = Mail.objects.filter(pk=mail.pk, state=Mail.State.DUE, next_try_at__lte=now)
    mail.tries += 1
    return bool(due.update(next_try_at=now + LEASE, tries=F("tries") + 1, **words))


def _deliver(mail: Mail, letter: Letter) -> None:
    try:
        _message(mail, letter).send()
    except (OSError, SMTPException) as error:
        _later(mail, error)
        return
    _end(mail, Mail.State.SENT, sent_at=timezone.now())


def _later(mail: Mail, error: Exception) -> None:
    """Try again after a pause that grows with each try, or say that it was given up."""
    if mail.tries >= MAX_TRIES:
        logger.error("mail %s of order %s is given up: %s", mail.kind, mail.order_id, error)
        _end(mail, Mail.State.FAILED, why=f"given up after {mail.tries} tries: {error}"[:200])
        return
    pause = min(timedelta(seconds=10 * 2**mail.tries), MAX_PAUSE)
    Mail.objects.filter(pk=mail.pk).update(why=f"not yet: {error}"[:200], next_try_at=timezone.now() + pause)


def _end(mail: Mail, state: Mail.State, *, why: str = "", **facts: object) -> None:
    Mail.objects.filter(pk=mail.pk).update(state=state, why=why, next_try_at=None, **facts)
    news.tell([mail.order_id])


def _message(mail: Mail, letter: Letter) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        subject=letter.subject, body=letter.text, to=[mail.to], headers={"Message-ID": mail.message_id}
    )
    message.attach_alternative(letter.html, "text/html")
    return message
