"""Look at each rule once a bucket, raise and end alerts. beat -> tasks -> here -> judge.py, mails.py.

Everything that must be remembered stands in the database: which bucket was looked at last, and the open
alert. So a restart, a second worker or a task that comes twice changes nothing.
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import F

from dashboards.alerts.judge import Verdict, is_well_already, last_end, look, turns, was_never_so
from dashboards.alerts.models import Alert, Rule

SETTLES = timedelta(seconds=10)  # after a bucket's end, until its last events are folded
LATE = timedelta(hours=6)  # events that come later than that change no alert
log = logging.getLogger(__name__)


def evaluate(now: datetime) -> int:
    """Judge the last whole bucket of each rule that was not looked at; how many alerts began or ended.

    What came while no worker ran is not told afterwards: an alert is about now. Raises RedisError.
    """
    return sum(_evaluate(rule, now) for rule in Rule.objects.filter(enabled=True))


def _evaluate(rule: Rule, now: datetime) -> bool:
    if _ends_at_once(rule, now):
        return True
    end = last_end(rule, now - SETTLES)
    if rule.checked_until is None:
        # what was before the rule is not its business, nor whole yet where a shop begins
        Rule.objects.filter(pk=rule.pk, checked_until=None).update(checked_until=end)
        return False
    if rule.checked_until >= end:
        return False
    verdicts = [look(rule, end - rule.width * ago) for ago in reversed(range(rule.for_buckets))]
    with transaction.atomic():
        looked = Rule.objects.filter(pk=rule.pk, checked_until=rule.checked_until)
        if not looked.update(checked_until=end):
            return False  # another worker got here first
        is_open = Alert.objects.filter(rule=rule, resolved_at=None).exists()
        if not turns(rule, verdicts, is_open=is_open):
            return False
        return _end(rule, end) if is_open else _begin(rule, verdicts[-1])


def _ends_at_once(rule: Rule, now: datetime) -> bool:
    """End an alert that the running bucket or late events contradict, without waiting for whole buckets."""
    alert = Alert.objects.filter(rule=rule, resolved_at=None, fired_at__gt=now - LATE).first()
    if alert is None:
        return False
    if was_never_so(rule, alert.fired_at):
        return _end(rule, alert.fired_at)
    return is_well_already(rule, now) and _end(rule, now)


def _begin(rule: Rule, verdict: Verdict) -> bool:
    """Raise an alert, unless the last one that was right began within the cooldown."""
    recent = Alert.objects.filter(rule=rule, fired_at__gt=verdict.end - rule.cooldown)
    if recent.exclude(resolved_at=F("fired_at")).exists():
        return False
    try:
        with transaction.atomic():
            Alert.objects.create(
                rule=rule,
                fired_at=verdict.end,
                value=verdict.value,
                usual=verdict.usual,
                mail_due_at=verdict.end if rule.addresses else None,
            )
    except IntegrityError:
        return False  # it is open already, or was raised for this bucket
    log.warning("alert: %s (%s)", rule.name, rule.words)
    return True


def _end(rule: Rule, end: datetime) -> bool:
    ended = Alert.objects.filter(rule=rule, resolved_at=None).update(resolved_at=end)
    log.info("alert over: %s", rule.name)
    return ended > 0


def acknowledge(*, alert_id: int, user_id: int, now: datetime) -> bool:
    """Note who looks after it; whether nobody did before."""
    open_ = Alert.objects.filter(pk=alert_id, acknowledged_at=None)
    return open_.update(acknowledged_at=now, acknowledged_by=user_id) > 0
