"""Rules are edited and tried here, alerts are looked at and acknowledged."""

from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import BaseModelFormSet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.timezone import localtime
from redis.exceptions import RedisError

from dashboards.alerts.evaluate import acknowledge
from dashboards.alerts.figures import FIGURES
from dashboards.alerts.judge import episodes
from dashboards.alerts.models import Alert, Rule
from shopsite.desk import QuickAdmin, RecordAdmin

TRIED = timedelta(hours=24)
SAID = 20  # episodes that are named


class _NamedRules(BaseModelFormSet):
    """Forms of a list, whose cells have no labels."""

    def add_fields(self, form: Any, index: int | None) -> None:  # noqa: ANN401 - Django's own
        """Say of which rule a checkbox is."""
        super().add_fields(form, index)
        form.fields["enabled"].widget.attrs["aria-label"] = f"{form.instance.name} is enabled"


@admin.register(Rule)
class RuleAdmin(QuickAdmin):
    """What is watched."""

    list_display = ("name", "words", "bucket_minutes", "for_buckets", "mail_to", "enabled")
    list_filter = ("enabled", "figure")
    list_editable = ("enabled",)
    search_fields = ("name",)
    readonly_fields = ("checked_until",)
    actions = ("try_on_the_last_day",)

    def get_changelist_formset(self, request: HttpRequest, **kwargs: Any) -> Any:  # noqa: ANN401 - Django's own
        """The list's checkboxes, each named by its rule."""
        return super().get_changelist_formset(request, formset=_NamedRules, **kwargs)

    @admin.action(description="Test against the last 24 hours", permissions=["change"])
    def try_on_the_last_day(self, request: HttpRequest, rules: QuerySet[Rule]) -> None:
        """Say when each would have fired."""
        for rule in rules:
            try:
                messages.info(request, f"{rule.name}: {_tried(rule)}")
            except RedisError as error:
                messages.error(request, f"{rule.name}: Redis does not answer: {error}")


def _tried(rule: Rule) -> str:
    if FIGURES[rule.figure].is_of_now:
        return "this figure has no past to test against."
    now = timezone.now()
    found = list(episodes(rule, now - TRIED, now))
    if not found:
        return "would not have fired in the last 24 hours."
    times = [f"{localtime(one.fired.end):%a %H:%M}" for one in found[:SAID]]
    more = f" and {len(found) - SAID} times more" if len(found) > SAID else ""
    return f"would have fired at {', '.join(times)}{more}."


@admin.register(Alert)
class AlertAdmin(RecordAdmin):
    """What happened; rows come from evaluate.py alone."""

    list_display = ("rule", "fired_at", "value", "usual", "resolved_at", "acknowledged_by", "mailed_at")
    list_filter = (("resolved_at", admin.EmptyFieldListFilter),)
    search_fields = ("rule__name",)
    list_select_related = ("rule", "acknowledged_by")
    date_hierarchy = "fired_at"
    actions = ("acknowledge_them",)

    def has_acknowledge_permission(self, request: HttpRequest) -> bool:
        """Who may say that they look after it."""
        return request.user.has_perm("alerts.acknowledge_alert")

    @admin.action(description="Acknowledge", permissions=["acknowledge"])
    def acknowledge_them(self, request: HttpRequest, alerts: QuerySet[Alert]) -> None:
        """Say that somebody looks after them."""
        user_id, now = request.user.pk or 0, timezone.now()
        mine = [alert for alert in alerts if acknowledge(alert_id=alert.pk, user_id=user_id, now=now)]
        messages.success(request, f"{len(mine)} acknowledged, {len(alerts) - len(mine)} had been already.")
