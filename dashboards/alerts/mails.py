"""Tell by mail that a rule broke, once an episode. evaluate.py's rows -> here -> SMTP.

The row is committed before anything is sent, and a lease keeps two workers from one mail. A crash between
SMTP's answer and our commit can repeat it: the same Message-ID says that it is the same.
"""

from datetime import datetime, timedelta
from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F
from django.urls import reverse

from dashboards.alerts.figures import FIGURES
from dashboards.alerts.models import Alert

LEASE = timedelta(minutes=2)
MAX_TRIES = 8
MAX_PAUSE = timedelta(hours=1)


def send_due(now: datetime) -> int:
    """Send what is due; how many went out."""
    due = Alert.objects.filter(mail_due_at__lte=now).values_list("pk", flat=True)[:50]
    return sum(_send(pk, now) for pk in list(due))


def _send(pk: int, now: datetime) -> bool:
    leased = Alert.objects.filter(pk=pk, mail_due_at__lte=now)
    if not leased.update(mail_due_at=now + LEASE, mail_tries=F("mail_tries") + 1):
        return False  # another worker has it
    alert = Alert.objects.select_related("rule").get(pk=pk)
    try:
        message(alert).send()
    except (SMTPException, OSError) as error:
        _later(alert, now, str(error))
        return False
    Alert.objects.filter(pk=pk).update(mail_due_at=None, mailed_at=now, mail_trouble="")
    return True


def _later(alert: Alert, now: datetime, why: str) -> None:
    pause = min(timedelta(seconds=30 * 2**alert.mail_tries), MAX_PAUSE)
    due = now + pause if alert.mail_tries < MAX_TRIES else None
    trouble = why if due else f"given up after {alert.mail_tries} tries: {why}"
    Alert.objects.filter(pk=alert.pk).update(mail_due_at=due, mail_trouble=trouble[:200])


def message(alert: Alert) -> EmailMessage:
    """The mail about one alert."""
    rule = alert.rule
    unit = FIGURES[rule.figure].unit
    value = "no data" if alert.value is None else f"{alert.value:g} {unit}".strip()
    usual = "" if alert.usual is None else f", usually {alert.usual:g} {unit}".rstrip()
    where = settings.SHOP_ORIGIN + reverse("admin:alerts_alert_change", args=[alert.pk])
    host = urlsplit(settings.SHOP_ORIGIN).hostname or "shop"
    return EmailMessage(
        subject=f"[{settings.SHOP_NAME}] {rule.name}",
        body=(
            f"{rule.words}.\n\nIt is {value}{usual}, for {rule.for_buckets} buckets of "
            f"{rule.bucket_minutes} minutes until {alert.fired_at:%Y-%m-%d %H:%M} UTC.\n\n{where}\n"
        ),
        to=rule.addresses,
        headers={"Message-ID": f"<alert-{alert.pk}@{host}>"},
    )
