"""Look at each rule once a bucket, raise and end alerts. beat -> tasks -> here -> judge.py, mails.py.

Everything that must be remembered stands in the database: which bucket was looked at last, and the open
alert. So a restart, a second worker or a task that comes twice changes nothing.
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from dashboards.alerts.judge import Verdict, last_end, look, turns
from dashboards.alerts.models import Alert, Rule

SETTLES = timedelta(seconds=10)  # after a bucket's end, until its last events are folded
log = logging.getLogger(__name__)


def evaluate(now: datetime) -> int:
    """Judge the last whole bucket of each rule that was not looked at; how many alerts began or ended.

    What came while no worker ran is not told afterwards: an alert is about now. Raises RedisError.
    """
    return sum(_evaluate(rule, now) for rule in Rule.objects.filter(enabled=True))


def _evaluate(rule: Rule, now: datetime) -> bool:
    end = last_end(rule, now - SETTLES)
    if rule.checked_until is not None and rule.checked_until >= end:
        return False
    verdicts = [look(rule, end - rule.width * ago) for ago in reversed(range(rule.for_buckets))]
    with transaction.atomic():
        looked = Rule.objects.filter(pk=rule.pk, checked_until=rule.checked_until)
        if not looked.update(checked_until=end):
            return False  # another worker got here first
        is_open = Alert.objects.filter(rule=rule, resolved_at=None).exists()
        if not turns(verdicts, rule.for_buckets, is_open=is_open):
            return False
        return _end(rule, end) if is_open else _begin(rule, verdicts[-1])


def _begin(rule: Rule, verdict: Verdict) -> bool:
    """Raise an alert, unless the last one began within the cooldown."""
    if Alert.objects.filter(rule=rule, fired_at__gt=verdict.end - rule.cooldown).exists():
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
