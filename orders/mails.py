"""Note that a customer is to be written to, once for each order and kind. fulfilment -> here -> sending.py.

The row is written with what it tells of, in the same transaction, and holds the few facts that must stay as
they are then. letters.py puts it in words when it is sent.
"""

from collections.abc import Collection, Mapping, Sequence
from hashlib import sha256
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils import timezone

from orders import news
from orders.letters import subject_of
from orders.models import Mail, Order
from orders.sending import LEASE
from shopsite import bulk
from shopsite.prepared import Prepared, Slot

NO_ADDRESS = "no e-mail address is known"


class CannotResend(Exception):
    """A mail can't go out again; the sentence says why."""

    def __init__(self, mail: Mail, why: str) -> None:
        super().__init__(f"The mail “{mail.subject}” was not sent again: {why}.")


def write(order: Order, kind: str, *, number: int = 1, facts: Mapping[str, str] | None = None) -> Mail | None:
    """Note a mail in the caller's transaction; None where it was before, or is not ours to write.

    number: which of several of its kind, such as the second refund. facts: what only this kind tells.
    """
    name = kind if number == 1 else f"{kind}-{number}"
    written = write_many([order], kind, name=name, facts=facts)
    return written[0] if written else None


def write_many(
    orders: Sequence[Order], kind: str, *, name: str = "", facts: Mapping[str, str] | None = None
) -> list[Mail]:
    """Note the same kind of mail for many orders; returns those that are new."""
    ours = {order.order_id: order for order in orders if not order.elsewhere}
    for order_id in _written(ours, name or kind):
        del ours[order_id]
    fresh = [_mail(order, kind, name or kind, facts or {}) for order in ours.values()]
    bulk.insert_objects(fresh, skip_known=True)  # somebody else may write it now
    news.tell([mail.order_id for mail in fresh])
    return fresh


def send_again(mail: Mail) -> None:
    """Let a mail go out once more, in the same words; or at once, where its next try is far.

    One that was sent gets another Message-ID: under its own, servers and programs would drop it as a repeat.
    Raises CannotResend.
    """
    now, message_id = timezone.now(), mail.message_id
    if why := why_not_again(mail):
        raise CannotResend(mail, why)
    if mail.state == Mail.State.SENT:
        message_id = _message_id(mail.order_id, f"{mail.kind} again {now.isoformat()}")
    unchanged = Mail.objects.filter(pk=mail.pk, state=mail.state, next_try_at=mail.next_try_at)
    if not unchanged.update(state=Mail.State.DUE, why="", tries=0, next_try_at=now, message_id=message_id):
        raise CannotResend(mail, "somebody else sends it")
    news.tell([mail.order_id])


def why_not_again(mail: Mail) -> str:
    """Why a mail can't go out once more now; empty where it can."""
    is_on_its_way = mail.next_try_at is not None and mail.next_try_at <= timezone.now() + LEASE
    return _unreachable(mail.to) or ("it is on its way" if is_on_its_way else "")


def _written(order_ids: Collection[str], name: str) -> list[str]:
    """Those of the orders that have this mail already."""
    return [order_id for (order_id,) in _of_kind(order_ids=list(order_ids), kind=name)]


_of_kind = Prepared(
    lambda: Mail.objects.filter(order_id__any_of=Slot("order_ids"), kind=Slot("kind")).values_list("order_id")
)


def _mail(order: Order, kind: str, name: str, facts: Mapping[str, str]) -> Mail:
    why = _unreachable(order.email)
    now = timezone.now()
    return Mail(
        order=order,
        kind=name,
        to=order.email,
        subject=subject_of(order.order_id, kind),
        facts=dict(facts),
        message_id=_message_id(order.order_id, name),
        state=Mail.State.NOT_SENT if why else Mail.State.DUE,
        why=why,
        next_try_at=None if why else now,
        created_at=now,
    )


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
