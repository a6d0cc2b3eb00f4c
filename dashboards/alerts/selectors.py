"""Which alerts are open, and which began lately. -> live page."""

from datetime import datetime

from django.db.models import F

from dashboards.alerts.models import Alert

SHOWN = 5


def open_alerts() -> list[Alert]:
    """Those that hold, the newest first; what nobody looks after yet stands before what somebody does."""
    held = Alert.objects.filter(resolved_at=None).select_related("rule")
    return sorted(held[:50], key=lambda alert: alert.acknowledged_at is not None)[:SHOWN]


def fired_between(start: datetime, end: datetime) -> list[Alert]:
    """Those that began in [start, end], the oldest first; without what late events took back."""
    found = Alert.objects.filter(fired_at__range=(start, end)).exclude(resolved_at=F("fired_at"))
    return list(found.select_related("rule").order_by("fired_at")[:50])
