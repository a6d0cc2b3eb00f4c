"""Take what the gateway tells without being asked. The webhook view -> here -> PaymentWebhook, look_after.

Its order and its content are not trusted: it only makes us ask the gateway how things stand now. Each is
recorded with what was made of it, also what was refused, up to a bound; what concerns no payment of ours is
kept as long as the inbox is.
"""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from orders import payments
from orders.models import Payment, PaymentWebhook
from orders.payments.webhooks import Notice, TooOld, Unreadable, WrongSignature, check_age, signed_at
from shopsite.events import trim
from shopsite.fulfilment.pay import look_after

logger = logging.getLogger(__name__)
Verdict = PaymentWebhook.Verdict
REFUSED = (Verdict.WRONG_SIGNATURE, Verdict.TOO_OLD, Verdict.UNREADABLE)
KEPT_AN_HOUR = 500  # refused ones: anybody may send them, and none may fill the disk


def receive_webhook(body: bytes, headers: Mapping[str, str]) -> PaymentWebhook:
    """Judge a webhook and act on it, once; the row says what was made of it."""
    bank = payments.gateway()
    signature = headers.get(bank.signature_header, "")
    received = PaymentWebhook(received_at=timezone.now())
    try:
        received.signed_at = signed_at(signature, body, secret=settings.WEBHOOK_SECRET)
        tolerance = timedelta(seconds=settings.WEBHOOK_TOLERANCE_SECONDS)
        check_age(received.signed_at, now=received.received_at, tolerance=tolerance)
        notice = bank.notice(body)
    except WrongSignature as error:
        return _refuse(received, Verdict.WRONG_SIGNATURE, error)
    except TooOld as error:
        return _refuse(received, Verdict.TOO_OLD, error)
    except Unreadable as error:
        return _refuse(received, Verdict.UNREADABLE, error)
    return _accept(received, notice)


def was_refused(received: PaymentWebhook) -> bool:
    """Whether the sender is to be told that this was no webhook of the gateway's."""
    return received.verdict in REFUSED


def trim_webhooks() -> int:
    """Delete those without a payment of ours that came more than settings.KEEP_INBOX_DAYS ago; how many.

    A gateway may be set to tell of everything that happens there. What concerns a payment stays with it: its
    event's id says that it came.
    """
    before = timezone.now() - timedelta(days=settings.KEEP_INBOX_DAYS)
    return trim.delete(PaymentWebhook.objects.filter(payment=None, received_at__lt=before))


def _accept(received: PaymentWebhook, notice: Notice) -> PaymentWebhook:
    received.event_id, received.kind = notice.id, notice.kind
    received.payment = Payment.objects.filter(key=notice.payment).first()
    if received.payment is None:
        received.verdict, received.detail = Verdict.UNKNOWN, notice.payment
        received.save()
        return received
    received.verdict = Verdict.ACCEPTED
    try:
        with transaction.atomic():  # the event's id and its effect, together
            received.save(force_insert=True)
            look_after(received.payment)
    except IntegrityError:
        received.verdict = Verdict.DUPLICATE
        received.save(force_insert=True)
    return received


def _refuse(received: PaymentWebhook, verdict: PaymentWebhook.Verdict, error: Exception) -> PaymentWebhook:
    logger.warning("a payment webhook was refused: %s", error)
    received.verdict, received.detail = verdict, str(error)[:300]
    if _room(received.received_at):
        received.save()
    return received


def _room(now: datetime) -> bool:
    lately = PaymentWebhook.objects.filter(received_at__gte=now - timedelta(hours=1), verdict__in=REFUSED)
    return lately[:KEPT_AN_HOUR].count() < KEPT_AN_HOUR
