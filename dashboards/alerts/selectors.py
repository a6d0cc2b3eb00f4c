"""Which alerts are open. -> live page."""

from dashboards.alerts.models import Alert

SHOWN = 5


def open_alerts() -> list[Alert]:
    """Those that hold, the newest first; what nobody looks after yet stands before what somebody does."""
    held = Alert.objects.filter(resolved_at=None).select_related("rule")
    return sorted(held[:50], key=lambda alert: alert.acknowledged_at is not None)[:SHOWN]
