"""Rules on figures: when they fire, end, and stay silent. The clock is given, the events are real."""

from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
import redis as redis_package
from django.apps import apps
from django.contrib.auth.models import User
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client
from pytest_django.fixtures import Settings

from dashboards.alerts.evaluate import acknowledge, evaluate
from dashboards.alerts.judge import Verdict, episodes
from dashboards.alerts.mails import MAX_TRIES, send_due
from dashboards.alerts.models import Alert, Compare, Rule
from dashboards.reports.selectors import rfc3339
from dashboards.screen.live import alerts as live_alerts
from dashboards.screen.live import marks
from tests.support.aggregates import click, log_of, numbered, paid, writer_of

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def after(minutes: float) -> datetime:
    """So long after noon, when the bucket before has settled."""
    return NOON + minutes * MINUTE + timedelta(seconds=11)


def rule(**more: object) -> Rule:
    """Many clicks in each of two minutes."""
    Rule.objects.all().delete()
    asked: dict[str, object] = {
        "name": "Rush", "figure": "clicks", "compare": Compare.ABOVE, "limit": 3, "bucket_minutes": 1,
        "for_buckets": 2, "cooldown_minutes": 0, "mail_to": "ops@example.org",
        "checked_until": NOON,
    }  # fmt: skip
    return Rule.objects.create(**(asked | more))


def clicks(redis: Redis, *per_minute: int, tp: str = "clicks-0") -> None:
    """So many clicks in each minute from noon on."""
    events = [
        click(f"u{number}", at=rfc3339(NOON + minute * MINUTE))
        for minute, count in enumerate(per_minute)
        for number in range(count)
    ]
    log_of(tp, events).fold(writer_of(redis), now=NOON + timedelta(days=1))


def watch(until: int) -> list[int]:
    """Evaluate at the end of each minute; how many alerts began or ended at each."""
    return [evaluate(after(minute)) for minute in range(1, until + 1)]


def test_a_rule_fires_after_so_many_buckets_and_ends_after_as_many(redis: Redis) -> None:
    rule()
    clicks(redis, 5, 5, 5, 1, 5, 1, 1)
    assert watch(7) == [0, 1, 0, 0, 0, 0, 1]
    alert = Alert.objects.get()
    assert (alert.fired_at, alert.resolved_at, alert.value) == (NOON + 2 * MINUTE, NOON + 7 * MINUTE, 5.0)


def test_a_new_rule_begins_with_the_bucket_that_runs(redis: Redis) -> None:
    rule(checked_until=None, for_buckets=1)
    clicks(redis, 5, 1, 5)
    assert watch(3) == [0, 0, 1]
    assert Alert.objects.get().fired_at == NOON + 3 * MINUTE


def test_a_bucket_is_judged_once_however_often_it_is_asked(redis: Redis) -> None:
    rule()
    clicks(redis, 5, 5)
    assert [evaluate(after(2)) for _ in range(3)] == [1, 0, 0]
    assert Alert.objects.count() == 1


def test_a_restart_goes_on_with_the_open_alert(redis: Redis) -> None:
    rule()
    clicks(redis, 5, 5, 5, 5)
    evaluate(after(2))
    evaluate(after(4))  # nobody was there for a minute
    assert Alert.objects.get().is_open


def test_a_figure_that_flaps_raises_one_alert_a_cooldown(redis: Redis) -> None:
    rule(for_buckets=1, cooldown_minutes=6)
    clicks(redis, 5, 1, 5, 1, 5, 1, 5, 1)
    watch(8)
    fired = Alert.objects.order_by("fired_at").values_list("fired_at", flat=True)
    assert [(at - NOON) / MINUTE for at in fired] == [1, 7]


def test_no_data_is_told_and_is_not_zero(redis: Redis) -> None:
    rule(compare=Compare.NO_DATA)
    clicks(redis, 5)
    assert watch(3) == [0, 0, 1]
    assert Alert.objects.get().value is None
    assert evaluate(after(3)) == 0


def test_below_takes_nothing_for_zero_where_the_figure_is_a_count(redis: Redis) -> None:
    rule(figure="orders", compare=Compare.BELOW, limit=1)
    assert watch(2) == [1, 0]
    rule(figure="conversion", compare=Compare.BELOW, limit=1)
    assert watch(2) == [0, 0]


def test_a_fall_is_held_against_the_same_hour_of_the_days_before(redis: Redis) -> None:
    rule(compare=Compare.FALL, limit=50, least=5, bucket_minutes=60, for_buckets=1)
    week = [
        click(f"u{number}", at=rfc3339(NOON - timedelta(days=day) + timedelta(minutes=number)))
        for day in range(1, 8)
        for number in range(20)
    ]
    log_of("clicks-1", week).fold(writer_of(redis), now=NOON)
    clicks(redis, *[1] * 8)
    assert evaluate(after(60)) == 1
    alert = Alert.objects.get()
    assert (alert.value, alert.usual) == (8.0, 20.0)


def test_orders_that_come_at_last_end_an_alert_about_none_at_once(redis: Redis) -> None:
    rule(figure="orders", compare=Compare.BELOW, limit=1, bucket_minutes=30)
    assert [evaluate(after(30)), evaluate(after(65))] == [1, 0]
    numbered("orders-0", [paid("1", "9", at=rfc3339(after(66)))]).fold(writer_of(redis), now=after(67))
    assert evaluate(after(67)) == 1
    assert Alert.objects.get().resolved_at == after(67)
    assert evaluate(after(68)) == 0


def test_an_alert_that_late_events_contradict_is_withdrawn_and_holds_up_no_right_one(redis: Redis) -> None:
    rule(figure="orders", compare=Compare.BELOW, limit=1, bucket_minutes=30, cooldown_minutes=240)
    assert evaluate(after(30)) == 1
    numbered("orders-0", [paid("1", "9", at=rfc3339(after(20)))]).fold(writer_of(redis), now=after(31))
    assert evaluate(after(31)) == 1
    withdrawn = Alert.objects.get()
    assert withdrawn.resolved_at == withdrawn.fired_at
    assert evaluate(after(90)) == 1
    assert Alert.objects.filter(resolved_at=None).count() == 1


def test_a_change_of_a_small_usual_says_nothing(redis: Redis) -> None:
    rule(compare=Compare.FALL, limit=50, least=50, bucket_minutes=60, for_buckets=1)
    log_of("clicks-1", [click(at=rfc3339(NOON - timedelta(days=1)))]).fold(writer_of(redis), now=NOON)
    assert evaluate(after(60)) == 0


def test_payment_failures_are_a_share(redis: Redis) -> None:
    rule(figure="payment_failures", limit=50, for_buckets=1)
    failed = [paid(f"f{n}", "9", at=rfc3339(NOON), type="order_payment_failed") for n in range(3)]
    numbered("orders-0", [paid("1", "9", at=rfc3339(NOON)), *failed]).fold(writer_of(redis), now=NOON)
    evaluate(after(1))
    assert Alert.objects.get().value == 75.0


def test_the_past_says_when_a_rule_would_have_fired(redis: Redis) -> None:
    mine = rule(cooldown_minutes=0)
    clicks(redis, 5, 5, 5, 1, 1, 5, 5)
    found = list(episodes(mine, NOON, NOON + 7 * MINUTE))
    assert [(one.fired.end - NOON) / MINUTE for one in found] == [2, 7]
    assert found[0].until == NOON + 5 * MINUTE
    assert found[1].until is None
    assert Alert.objects.count() == 0


def test_the_past_and_the_present_come_to_the_same_episodes(redis: Redis) -> None:
    mine = rule(cooldown_minutes=4, for_buckets=1)
    pattern = (5, 1, 5, 5, 1, 1, 5, 1, 5, 5, 5, 1)
    clicks(redis, *pattern)
    past = [one.fired.end for one in episodes(mine, NOON, NOON + len(pattern) * MINUTE)]
    watch(len(pattern))
    assert list(Alert.objects.order_by("fired_at").values_list("fired_at", flat=True)) == past


def test_an_episode_is_mailed_once(redis: Redis) -> None:
    rule()
    clicks(redis, 5, 5, 5)
    watch(3)
    assert [send_due(after(3)), send_due(after(4))] == [1, 0]
    sent = mail.outbox[0]
    assert (sent.to, sent.subject) == (["ops@example.org"], "[Shopsite] Rush")
    assert "clicks of people: is above 3" in sent.body
    assert sent.extra_headers["Message-ID"].startswith("<alert-")


def test_a_mail_server_that_is_away_is_tried_again_and_given_up_in_the_end(
    redis: Redis, settings: Settings
) -> None:
    rule()
    clicks(redis, 5, 5)
    watch(2)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    assert send_due(after(2)) == 0
    assert send_due(after(2)) == 0
    assert (Alert.objects.get().mail_tries, Alert.objects.get().mailed_at) == (1, None)
    for number in range(MAX_TRIES):
        send_due(after(100 * (number + 1)))
    alert = Alert.objects.get()
    assert alert.mail_due_at is None
    assert "given up after 8 tries" in alert.mail_trouble


def test_a_rule_without_addresses_mails_nobody(redis: Redis) -> None:
    rule(mail_to="")
    clicks(redis, 5, 5)
    watch(2)
    assert Alert.objects.count() == 1
    assert send_due(after(2)) == 0


def test_the_first_who_acknowledges_is_noted(redis: Redis) -> None:
    rule()
    clicks(redis, 5, 5)
    watch(2)
    ada, ben = User.objects.create_user("ada"), User.objects.create_user("ben")
    pk = Alert.objects.get().pk
    assert acknowledge(alert_id=pk, user_id=ada.pk, now=after(3))
    assert not acknowledge(alert_id=pk, user_id=ben.pk, now=after(4))
    assert Alert.objects.get().acknowledged_by == ada


def test_the_live_page_names_open_alerts_alone(redis: Redis) -> None:
    rule()
    clicks(redis, 5, 5, 1, 1)
    watch(2)
    pk = Alert.objects.get().pk
    fired = int((NOON + 2 * MINUTE).timestamp() * 1000)
    assert live_alerts() == {str(pk): ["Rush", fired, 0, f"/admin/alerts/alert/{pk}/change/"]}
    evaluate(after(4))
    assert live_alerts() == {}
    assert marks(after(5)) == {str(pk): [fired, "Rush"]}
    assert marks(after(40)) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"compare": Compare.FALL, "limit": 120},
        {"compare": Compare.RISE, "limit": 0},
        {"figure": "sell_out", "compare": Compare.RISE, "limit": 10},
        {"mail_to": "ops@example.org, nobody"},
        {"figure": "moon"},
        {"for_buckets": 0},
    ],
)
def test_a_rule_that_could_never_work_is_refused(wrong: dict[str, object]) -> None:
    made = rule()
    for name, value in wrong.items():
        setattr(made, name, value)
    with pytest.raises(ValidationError):
        made.full_clean()


def test_every_shipped_rule_is_valid() -> None:

    import_module("dashboards.alerts.migrations.0002_shipped_rules").ship(apps, None)
    names = set()
    for shipped in Rule.objects.all():
        shipped.full_clean()
        names.add(shipped.name)
    wanted = {"Conversion drop", "Sell-out ahead", "Payment failures", "No orders", "Pipeline delay"}
    assert wanted <= names


def test_a_rule_is_tried_in_the_admin_without_an_alert(redis: Redis) -> None:
    mine = rule(compare=Compare.NO_DATA)
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    chosen = {"action": "try_on_the_last_day", "_selected_action": [mine.pk]}
    page = client.post("/admin/alerts/rule/", chosen, follow=True).content.decode()
    assert "Rush: would have fired at" in page
    assert Alert.objects.count() == 0


def test_a_verdict_of_one_bucket_is_not_enough() -> None:
    mine = Rule(name="x", figure="clicks", compare=Compare.ABOVE, bucket_minutes=1, for_buckets=3)

    def judge(_rule: Rule, end: datetime) -> Verdict:
        return Verdict(end, 1.0, None, (end - NOON) / MINUTE in (2, 3, 5, 6))

    assert list(episodes(mine, NOON, NOON + 9 * MINUTE, judge)) == []
