"""The past as it was shown: figures at given times equal the facts, and a viewer moves about in it."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any, cast

import pytest
import redis as redis_package
from django.conf import LazySettings

from dashboards.alerts.models import Alert, Rule
from dashboards.models import Rollup
from dashboards.past import spans
from dashboards.past.history import Written
from dashboards.past.ranges import Cover
from dashboards.past.rollups import in_turn
from dashboards.past.spans import Span
from dashboards.reports import course
from dashboards.reports.selectors import rfc3339
from dashboards.screen.playback import Playback, Refused, read_command, read_frame
from tests.flows.test_hub_socket import page as page
from tests.flows.test_hub_socket import socket_of, staff
from tests.support.aggregates import click, log_of, numbered, paid, writer_of
from tests.support.history import move

pytestmark = pytest.mark.django_db(transaction=True)
Redis = redis_package.Redis
BEGIN = datetime(2024, 6, 16, 20, 0, tzinfo=UTC)  # 22:00 in Berlin: midnight comes two hours later
CLICKS = [BEGIN + timedelta(seconds=47 * n) for n in range(300)]
ORDERS = CLICKS[::25]


@pytest.fixture
def recording(redis: Redis, settings: LazySettings) -> None:
    settings.SHOP_TIME_ZONE = "Europe/Berlin"
    settings.SHOP_CURRENCY = "GBP"
    writer = writer_of(redis)
    log_of("clicks-0", [click(f"u{n % 40}", at=rfc3339(at)) for n, at in enumerate(CLICKS)]).fold(
        writer, [80]
    )
    numbered("orders-0", [paid(f"o{n}", "1.25", at=rfc3339(at)) for n, at in enumerate(ORDERS)]).fold(writer)


def test_alerts_of_then_are_marked_and_later_ones_are_not(recording: None) -> None:
    rule = Rule.objects.create(name="Rush", figure="clicks", compare="above")
    for minutes in (20, 40):
        Alert.objects.create(
            rule=rule, fired_at=BEGIN + timedelta(minutes=minutes), resolved_at=datetime.now(UTC)
        )
    told = read_frame(Playback(BEGIN + timedelta(minutes=30)))["marks"]
    assert list(told.values()) == [[(BEGIN + timedelta(minutes=20)).timestamp() * 1000, "Rush"]]


def between(moments: list[datetime], start: datetime, end: datetime) -> list[datetime]:
    return [at for at in moments if start <= at < end]


@pytest.mark.parametrize("where", ["in Redis", "in the database"])
def test_figures_at_given_times_equal_the_facts(recording: None, redis: Redis, where: str) -> None:
    if where == "in the database":
        move(redis)
    midnight = datetime(2024, 6, 16, 22, 0, tzinfo=UTC)
    for minutes in (1, 29, 90, 119, 120, 121, 180, 240):
        end = BEGIN + timedelta(minutes=minutes)
        state = read_frame(Playback(end))
        half_hour = between(CLICKS, end - timedelta(minutes=30), end)
        today = between(ORDERS, midnight if end > midnight else midnight - timedelta(days=1), end)
        assert state["now"]["clicks30"] == len(half_hour)
        assert state["now"]["orders"] == len(today)
        assert state["now"]["sales"] == len(today) * Decimal("1250000")
        five = between(CLICKS, end - timedelta(minutes=5), end)
        bought = between(ORDERS, end - timedelta(minutes=5), end)
        assert state["now"]["visitors"] == len({CLICKS.index(at) % 40 for at in five} | {1 for _ in bought})
        shown = cast("dict[str, list[int]]", state["minutes"])
        assert sum(clicks for clicks, _, _ in shown.values()) == len(half_hour)
        assert max(map(int, shown)) == int(end.timestamp()) // 60 - 1
        assert state["play"]["at"] == end.timestamp() * 1000


@pytest.mark.parametrize(
    ("module", "chooser"), [(course, "of_grain"), (spans, "cover")], ids=["minutes", "people and the day"]
)
@pytest.mark.parametrize("reads_again", [True, False])
def test_a_frame_whose_buckets_leave_redis_while_it_is_read_is_whole_because_it_reads_again(
    recording: None,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
    module: ModuleType,
    chooser: str,
    reads_again: bool,
) -> None:
    choose = getattr(module, chooser)
    moved: list[Written] = []

    def choose_then_move(*args: Any, **options: Any) -> Cover:
        chosen: Cover = choose(*args, **options)
        if not moved:
            moved.append(move(redis))
        return chosen

    monkeypatch.setattr(module, chooser, choose_then_move)
    if not reads_again:
        monkeypatch.setattr(Span, "moved", lambda _: False)
    end = BEGIN + timedelta(minutes=90)
    now = read_frame(Playback(end))["now"]

    half_hour = between(CLICKS, end - timedelta(minutes=30), end)
    people = {CLICKS.index(at) % 40 for at in half_hour} | {
        1 for _ in between(ORDERS, end - timedelta(minutes=30), end)
    }
    assert moved[0].moved
    facts = len(half_hour), len(people)
    assert ((now["clicks30"], now["visitors30"]) == facts) is reads_again


@pytest.mark.parametrize(("days", "says"), [(36_500, "the log"), (30, "the history, older than the log")])
def test_a_frame_says_whether_the_log_still_has_it(
    recording: None, settings: LazySettings, days: int, says: str
) -> None:
    settings.CLICK_RETENTION_DAYS = days
    assert read_frame(Playback(BEGIN + timedelta(minutes=90)))["play"]["source"] == says


def test_a_frame_of_minutes_that_are_gone_says_so(
    recording: None, redis: Redis, settings: LazySettings
) -> None:
    move(redis)
    with in_turn():
        Rollup.objects.filter(grain="m").delete()
    assert "no longer kept" in str(read_frame(Playback(BEGIN + timedelta(minutes=90)))["play"]["source"])


def test_a_viewer_plays_seeks_pauses_and_goes_back_to_what_is_live(
    recording: None, redis: Redis, page: str
) -> None:
    with socket_of(page, staff()) as socket:

        def frame(**wanted: object) -> dict[str, Any]:
            """The next frame whose section `play` says this."""
            while True:
                message = json.loads(socket.recv(timeout=20))
                play = message.get("set", {}).get("play", {})
                if all(play.get(name) == value for name, value in wanted.items()) and play:
                    return dict(message)

        socket.send(json.dumps({"play": {"from": rfc3339(BEGIN + timedelta(hours=1)), "speed": 60}}))
        first = frame(speed=60)
        assert first["from"] == 0
        start = int((BEGIN + timedelta(hours=1)).timestamp() * 1000)
        frame(at=start + 60_000)
        socket.send(json.dumps({"seek": rfc3339(BEGIN + timedelta(minutes=30))}))
        frame(at=start - 30 * 60_000)
        socket.send('{"pause":true}')
        frame(paused=True)
        socket.send('{"speed":61}')
        while "problem" not in (message := json.loads(socket.recv(timeout=20))):
            pass
        assert "from 1 to 60" in message["problem"]
        socket.send('{"live":true}')
        while "set" not in (message := json.loads(socket.recv(timeout=20))) or message["from"] != 0:
            pass
        assert "play" not in message["set"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not understood"),
        ('{"play":{"from":"2024-06-18T12:00:00"}}', "needs a zone"),
        ('{"charge":"everybody"}', "not understood"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(text: str, says: str) -> None:
    with pytest.raises(Refused, match=says):
        read_command(text)
