"""What the customer was written. orders.Mail -> here."""

from collections.abc import Iterable

from django.urls import reverse

from orders.models import Mail
from shopsite.way.entries import MAX_ROWS, Ahead, Entry, Subject


def happened(subject: Subject) -> Iterable[Entry | Ahead]:
    """Each mail: written, and sent."""
    for mail in Mail.objects.filter(order=subject.order_id).order_by("pk").defer("html", "text")[:MAX_ROWS]:
        source = f"mail {mail.pk} · {mail.kind}"
        link = reverse("admin:orders_mail_change", args=[mail.pk])
        to = mail.to or "nobody: no address is known"
        yield Entry(
            mail.created_at, "mail", f"The mail “{mail.subject}” was written.", source, f"to {to}", link=link
        )
        if mail.sent_at:
            yield Entry(mail.sent_at, "mail", f"The mail “{mail.subject}” was sent.", source, link=link)
        if mail.state == Mail.State.DUE:
            tried = f" {mail.tries} tries failed: {mail.answer or mail.trouble}" if mail.why else ""
            yield Ahead(
                f"The mail “{mail.subject}” is sent.{tried}", mail.next_try_at, "warn" if tried else ""
            )
        elif mail.state != Mail.State.SENT:
            tone = "bad" if mail.state == Mail.State.FAILED else "warn"
            yield Entry(
                mail.created_at,
                "mail",
                f"That mail was not sent. {mail.trouble}",
                source,
                mail.answer,
                tone,
                link=link,
            )
