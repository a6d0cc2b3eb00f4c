"""Recordings on their way into the real log: each event once, whatever happens in between."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from shopsite.config import BASE_DIR
from shopsite.traffic.models import Sending
from tests.support import child_env, until
from tests.support.recordings import REES46, needs_shared, retail_file
from tests.support.servers import Kafka

pytestmark = [pytest.mark.kafka, pytest.mark.django_db(transaction=True)]
HEADER = "event_time,event_type,product_id,price,user_id,user_session"


def clicks_file(folder: Path, lines: int) -> Path:
    """A recording of views alone, one a second, by 50 users."""
    begin = datetime(2019, 11, 1, tzinfo=UTC)
    path = folder / f"clicks_{lines}.csv"
    rows = (
        f"{begin + timedelta(seconds=n):%Y-%m-%d %H:%M:%S} UTC,view,p{n % 7},1.5,u{n % 50},s{n % 50}"
        for n in range(lines)
    )
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def replay(path: Path, *more: str, format_name: str = "rees46") -> dict[str, Any]:
    out = StringIO()
    call_command("replay", str(path), "--format", format_name, "--json", *more, stdout=out)
    summary: dict[str, Any] = json.loads(out.getvalue())
    return summary


def events(kafka: Kafka, topic: str) -> list[dict[str, Any]]:
    return [json.loads(message.value() or b"") for message in kafka.read(topic)]


def test_kept_times_are_those_recorded_and_the_record_bears_the_sending_time(
    kafka: Kafka, tmp_path: Path
) -> None:
    before = datetime.now(UTC)
    summary = replay(clicks_file(tmp_path, 300), "--keep-time")
    sent = events(kafka, "clicks")
    assert (summary["lines"], summary["events"], summary["invalid"]) == (300, {"view_item": 300}, 0)
    assert min(event["timestamp"] for event in sent) == "2019-11-01T00:00:00Z"
    assert len({event["event_id"] for event in sent}) == 300
    stamps = [message.timestamp()[1] / 1000 for message in kafka.read("clicks")]
    assert min(stamps) >= before.timestamp() - 1


def test_without_kept_times_the_last_event_is_now(kafka: Kafka, tmp_path: Path) -> None:
    replay(clicks_file(tmp_path, 300))
    times = sorted(datetime.fromisoformat(event["timestamp"]) for event in events(kafka, "clicks"))
    assert datetime.now(UTC) - times[-1] < timedelta(seconds=30)
    assert times[-1] - times[0] == timedelta(seconds=299)


def test_at_a_speed_an_events_time_is_its_sending_time(kafka: Kafka, tmp_path: Path) -> None:
    summary = replay(clicks_file(tmp_path, 100), "--speed", "100")
    times = sorted(datetime.fromisoformat(event["timestamp"]) for event in events(kafka, "clicks"))
    assert timedelta(seconds=0.9) < times[-1] - times[0] < timedelta(seconds=5)
    assert summary["seconds"] >= 0.9


def test_a_click_recording_is_sent_twice_only_on_demand(kafka: Kafka, tmp_path: Path) -> None:
    path = clicks_file(tmp_path, 50)
    replay(path)
    with pytest.raises(CommandError, match="give --again") as refused:
        replay(path)
    assert refused.value.returncode == 1
    assert len(events(kafka, "clicks")) == 50
    replay(path, "--again")
    assert len(events(kafka, "clicks")) == 100


def test_a_killed_run_goes_on_where_the_log_ends(kafka: Kafka, tmp_path: Path) -> None:
    path = clicks_file(tmp_path, 2_000)
    command = [sys.executable, "manage.py", "replay", str(path), "--format", "rees46", "--speed", "500"]
    child = subprocess.Popen(command, cwd=BASE_DIR, env=child_env(), stdout=subprocess.DEVNULL)
    until(lambda: len(events(kafka, "clicks")) > 200, within=30)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    sent_before = len(events(kafka, "clicks"))
    assert sent_before < 2_000

    summary = replay(path)

    ids = Counter(event["event_id"] for event in events(kafka, "clicks"))
    assert summary["resumed"] == sent_before
    assert (len(ids), max(ids.values())) == (2_000, 1)
    assert Sending.objects.get().finished_at is not None


def test_two_processes_never_send_the_same_recording(kafka: Kafka, tmp_path: Path) -> None:
    path = clicks_file(tmp_path, 2_000)
    command = [sys.executable, "manage.py", "replay", str(path), "--format", "rees46", "--speed", "10"]
    child = subprocess.Popen(command, cwd=BASE_DIR, env=child_env(), stderr=subprocess.DEVNULL)
    until(lambda: len(events(kafka, "clicks")) > 5, within=30)
    with pytest.raises(CommandError, match="is being sent by another process"):
        replay(path)
    child.kill()
    child.wait()


def test_asked_to_stop_it_says_how_to_go_on(kafka: Kafka, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "manage.py", "replay", str(clicks_file(tmp_path, 2_000))),
        *("--format", "rees46", "--speed", "10"),
    ]
    child = subprocess.Popen(command, cwd=BASE_DIR, env=child_env(), stderr=subprocess.PIPE, text=True)
    until(lambda: len(events(kafka, "clicks")) > 5, within=30)
    child.terminate()
    assert "The same command goes on" in child.communicate(timeout=20)[1]
    assert child.returncode == 1


def test_opening_stock_that_nobody_applies_is_told(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopsite.traffic.opening.NOBODY_SECONDS", 0.5)
    path = retail_file(tmp_path, ["5,A,a,20,2020-01-01 10:00:00,1,7,France"])
    with pytest.raises(CommandError, match="start consume and worker"):
        replay(path, format_name="online-retail")
    (opening,) = events(kafka, "inventory")
    assert (opening["reason"], opening["quantity_change"]) == ("opening", 22)
    assert events(kafka, "orders") == []


def test_without_kafka_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not answer"):
        replay(clicks_file(tmp_path, 5))


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "inf", "nan"])
def test_a_speed_that_is_none_is_refused(tmp_path: Path, speed: str) -> None:
    with pytest.raises(CommandError, match="need a number above 0, or max"):
        replay(clicks_file(tmp_path, 5), f"--speed={speed}")


def test_a_wrong_file_ends_with_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="does not exist") as missing:
        replay(tmp_path / "none.csv")
    assert missing.value.returncode == 2


@needs_shared
def test_a_wrong_format_ends_with_2() -> None:
    with pytest.raises(CommandError, match="looks like rees46") as wrong:
        replay(REES46, format_name="otto")
    assert wrong.value.returncode == 2


def test_the_bound_on_what_is_unanswered_is_kept(
    kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopsite.traffic.publishing.MOST_IN_FLIGHT", 3)
    before = threading.active_count()  # other tests' pools rest in this process
    replay(clicks_file(tmp_path, 100))
    assert len(events(kafka, "clicks")) == 100
    assert threading.active_count() < before + 10
