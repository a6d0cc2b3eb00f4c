"""Write to the customer, once for each order and kind. fulfilment -> write; tasks -> send -> SMTP or files.

A mail is written with what it tells of, and sent after that committed. A crash between the server's
answer and our note of it can repeat one: its Message-ID is the same, so mail programs show it once.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives
from django.core.validators import validate_email
from django.db.models import F
from django.template.loader import render_to_string
from django.utils import timezone

from orders import news
from orders.models import Line, Mail, Order
from orders.money import money_text

CONFIRMATION, PAYMENT_FAILED, SHIPPED = "confirmation", "payment_failed", "shipped"
REFUNDED, CANCELLED, REJECTED = "refunded", "cancelled", "rejected"
BACKORDER_FILLED = "backorder_filled"
SUBJECTS = {
    CONFIRMATION: "Your order {order} is confirmed",
    PAYMENT_FAILED: "Order {order}: the payment did not go through",
    SHIPPED: "Your order {order} is on its way",
    REFUNDED: "Order {order}: we have given your money back",
    CANCELLED: "Your order {order} is cancelled",
    REJECTED: "We cannot deliver your order {order}",
    BACKORDER_FILLED: "Order {order}: what you ordered is back in stock",
}
LinesByOrder = Mapping[str, Sequence[Line]]
LEASE = timedelta(seconds=settings.LEASE_SECONDS)
MAX_TRIES = 10  # with back-off: about two hours
MAX_PAUSE = timedelta(minutes=30)
NO_ADDRESS = "no e-mail address is known"


def write(order: Order, kind: str, *, number: int = 1, facts: Mapping[str, str] | None = None) -> Mail | None:
    """Write a mail in the caller's transaction; None where it was written before, or is not ours to write.

    number: which of several of its kind, such as the second refund. facts: what only this kind tells.
    """
    lines = {order.order_id: list(order.lines.order_by("pk"))}
    name = kind if number == 1 else f"{kind}-{number}"
    written = write_many([order], kind, lines=lines, name=name, facts=facts)
    return written[0] if written else None


def write_many(
    orders: Sequence[Order],
    kind: str,
    *,
    lines: LinesByOrder,
    name: str = "",
    facts: Mapping[str, str] | None = None,
) -> list[Mail]:
    """Write the same kind of mail for many orders; returns those that are new. lines: by order_id."""
    ours = {order.order_id: order for order in orders if not order.elsewhere}
    for order_id in _written(ours, name or kind):
        del ours[order_id]
    fresh = [_mail(order, kind, name or kind, lines[key], facts or {}) for key, order in ours.items()]
    written = Mail.objects.bulk_create(fresh, ignore_conflicts=True)  # somebody else may write it now
    if written:
        news.tell([mail.order_id for mail in written])
    return written


def _written(order_ids: Collection[str], name: str) -> list[str]:
    """Those of the orders that have this mail already."""
    known = Mail.objects.filter(order_id__in=order_ids, kind=name)
    return list(known.values_list("order_id", flat=True))


def _mail(order: Order, kind: str, name: str, lines: Iterable[Line], facts: Mapping[str, str]) -> Mail:
    why = _unreachable(order.email)
    subject = SUBJECTS[kind].format(order=order.order_id)[:200]
    context = _context(order, subject, lines) | {"facts": facts}
    text = render_to_string(f"orders/mail/{kind}.txt", context)
    now = timezone.now()
    return Mail(
        order=order,
        kind=name,
        to=order.email,
        subject=subject,
        text=text,
        html=render_to_string(f"orders/mail/{kind}.html", context),
        message_id=_message_id(order.order_id, name),
        state=Mail.State.NOT_SENT if why else Mail.State.DUE,
        why=why,
        next_try_at=None if why else now,
        created_at=now,
    )


def send(mail_id: int) -> bool:
    """Send a mail that is due, outside any transaction; returns whether it went out now."""
    now = timezone.now()
    due = Mail.objects.filter(pk=mail_id, state=Mail.State.DUE, next_try_at__lte=now)
    if not due.update(next_try_at=now + LEASE, tries=F("tries") + 1):
        return False  # sent, or somebody else is at it
    mail = Mail.objects.get(pk=mail_id)
    try:
        _message(mail).send()
    except (OSError, SMTPException) as error:
        _later(mail, error)
        return False
    Mail.objects.filter(pk=mail_id).update(
        state=Mail.State.SENT, sent_at=timezone.now(), why="", next_try_at=None
    )
    news.tell([mail.order_id])
    return True


def send_due(limit: int = 50) -> int:
    """Send what is overdue: lost tasks, and what the server did not take; how many were tried."""
    overdue = due_mails(limit)
    for mail_id in overdue:
        send(mail_id)
    return len(overdue)


def due_mails(limit: int) -> list[int]:
    """Mails that wait to be sent, oldest first."""
    due = Mail.objects.filter(state=Mail.State.DUE, next_try_at__lte=timezone.now())
    return list(due.order_by("next_try_at").values_list("pk", flat=True)[:limit])


def _later(mail: Mail, error: Exception) -> None:
    if mail.tries >= MAX_TRIES:
        Mail.objects.filter(pk=mail.pk).update(
            state=Mail.State.NOT_SENT,
            why=f"given up after {mail.tries} tries: {error}"[:200],
            next_try_at=None,
        )
        news.tell([mail.order_id])
        return
    pause = min(timedelta(seconds=10 * 2**mail.tries), MAX_PAUSE)
    Mail.objects.filter(pk=mail.pk).update(why=f"not yet: {error}"[:200], next_try_at=timezone.now() + pause)


def _message(mail: Mail) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(
        subject=mail.subject, body=mail.text, to=[mail.to], headers={"Message-ID": mail.message_id}
    )
    message.attach_alternative(mail.html, "text/html")
    return message


def _context(order: Order, subject: str, lines: Iterable[Line]) -> dict[str, object]:
    return {
        "order": order,
        "subject": subject,
        "shop": settings.SHOP_NAME,
        "link": f"{settings.SHOP_ORIGIN}/orders/{order.order_id}/",
        "total": money_text(order.amount, order.currency),
        "shipping": money_text(order.shipping, order.currency) if order.shipping else "",
        "rows": [(line.quantity, line.title, _line_total(line, order.currency)) for line in lines],
    }


def _line_total(line: Line, currency: str) -> str:
    return "" if line.price is None else money_text(line.price * line.quantity, currency)


def _unreachable(address: str) -> str:
    """Why nobody can be written to at this address; empty where one can."""
    if not address:
        return NO_ADDRESS
    try:
        validate_email(address)
    except ValidationError:
        return "the e-mail address is not valid"
    return ""


def _message_id(order_id: str, kind: str) -> str:
    name = sha256(f"{order_id}\n{kind}".encode()).hexdigest()[:32]
    return f"<{name}@{urlsplit(settings.SHOP_ORIGIN).hostname or 'localhost'}>"
