"""What the supervisor promises of any processes; small Python programs stand for the shop's."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from shopsite.runtime.problems import CannotStart
from shopsite.runtime.service import Program
from shopsite.runtime.supervisor import MANY_DEATHS, Supervisor, restart_delay
from tests.support import until

STAYS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


class Told:
    """What a supervisor said, and the lines of its processes."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.lines: list[tuple[str, str]] = []

    def echo_of(self, name: str) -> Callable[[str], None]:
        return lambda line: self.lines.append((name, line))


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def supervisor(told: Told) -> Iterator[Supervisor]:
    made = Supervisor(told.said.append, told.echo_of)
    yield made
    made.stop()


def program(name: str, code: str, *, stop_within: float = 5.0, ready_line: str | None = "up") -> Program:
    return Program(
        name=name, args=[sys.executable, "-c", code], ready_line=ready_line, stop_within=stop_within
    )


def stopped_note(path: Path, name: str) -> str:
    """A program that writes its name to the file when it is asked to stop."""
    return (
        "import signal, sys, time\n"
        f"def end(*_): open({str(path)!r}, 'a').write({name + ' '!r}); sys.exit()\n"
        "signal.signal(15, end)\nprint('up', flush=True)\ntime.sleep(600)"
    )


def test_what_is_killed_runs_again_within_a_second(supervisor: Supervisor, told: Told) -> None:
    supervisor.start([program("loop", STAYS)], rank=0)
    supervisor.wait_ready(["loop"])
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    first = supervisor.pid("loop")
    assert first is not None
    psutil.Process(first).kill()
    killed = time.monotonic()
    until(lambda: supervisor.pid("loop") != first, within=5)
    assert time.monotonic() - killed < 1.0
    assert told.said == ["loop was killed by signal 9; it starts again in 0.2 s."]
    supervisor.stopping.set()
    watching.join()


def test_what_keeps_dying_is_restarted_ever_more_slowly() -> None:
    assert restart_delay(MANY_DEATHS) == restart_delay(1) < 1.0
    later = [restart_delay(deaths) for deaths in range(MANY_DEATHS, MANY_DEATHS + 30)]
    assert later == sorted(later)
    assert later[1] > later[0] and later[-1] == 60.0


def test_the_supervisor_says_that_it_slows_down(
    supervisor: Supervisor, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shopsite.runtime.supervisor.MANY_DEATHS", 1)
    supervisor.start([program("loop", "raise SystemExit(3)", ready_line=None)], rank=0)

    def two_deaths() -> bool:
        supervisor.check()
        return len(told.said) == 2

    until(two_deaths)
    assert told.said[0] == "loop ended with 3; it starts again in 0.2 s."
    assert "It died 2 times in 5 minutes" in told.said[1] and "logs/loop.log" in told.said[1]


def test_ranks_stop_one_after_another(supervisor: Supervisor, tmp_path: Path) -> None:
    note = tmp_path / "stopped"
    for rank, name in enumerate(("simulate", "web", "relay", "kafka")):
        supervisor.start([program(name, stopped_note(note, name))], rank=rank)
    supervisor.wait_ready(supervisor.names())
    supervisor.stop()
    assert note.read_text().split() == ["simulate", "web", "relay", "kafka"]


def test_what_ignores_the_request_is_killed_with_its_children(supervisor: Supervisor, told: Told) -> None:
    parent = (
        "import subprocess, sys, signal, time\n"
        "signal.signal(15, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('up', flush=True)\ntime.sleep(600)"
    )
    supervisor.start([program("stubborn", parent, stop_within=0.3)], rank=0)
    supervisor.wait_ready(["stubborn"])
    family = [process := psutil.Process(supervisor.pid("stubborn")), *process.children()]
    assert len(family) == 2
    supervisor.stop()
    until(lambda: not any(member.is_running() for member in family), within=3)
    assert told.said == ["stubborn did not stop within 0.3 s and was killed."]


def test_a_slow_rank_leaves_time_for_the_servers(supervisor: Supervisor, tmp_path: Path) -> None:
    note = tmp_path / "stopped"
    supervisor.start([program("web", STUBBORN, stop_within=600)], rank=0)
    supervisor.start([program("kafka", stopped_note(note, "kafka"))], rank=1)
    supervisor.wait_ready(supervisor.names())
    began = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - began < 10
    assert note.read_text() == "kafka "


def test_one_that_ends_before_it_is_ready_is_quoted(supervisor: Supervisor) -> None:
    supervisor.start([program("kafka", "print('no such folder'); raise SystemExit(1)")], rank=0)
    with pytest.raises(CannotStart, match=r"kafka ended with 1 before it was ready(.|\n)*no such folder"):
        supervisor.wait_ready(["kafka"])


def test_a_death_at_the_start_gets_another_chance(supervisor: Supervisor, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    first = f"import os\nif not os.path.exists({str(mark)!r}): open({str(mark)!r}, 'w'); os._exit(1)\n"
    supervisor.start([program("relay", first + STAYS)], rank=0)
    supervisor.wait_ready_restarting(["relay"], within=20)
    assert mark.exists()


def test_lines_reach_their_echo(supervisor: Supervisor, told: Told) -> None:
    supervisor.start([program("web", "print('one'); print('two', flush=True)", ready_line=None)], rank=0)
    until(lambda: told.lines == [("web", "one"), ("web", "two")])


def test_a_changed_file_restarts_only_the_ranks_of_the_shop(supervisor: Supervisor) -> None:
    supervisor.start([program("kafka", STAYS)], rank=3)
    supervisor.start([program("web", STAYS)], rank=1)
    supervisor.wait_ready(supervisor.names())
    kafka, web = supervisor.pid("kafka"), supervisor.pid("web")
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    supervisor.ask_restart((0, 1, 2))
    until(lambda: supervisor.pid("web") != web)
    assert supervisor.pid("kafka") == kafka
    supervisor.stopping.set()
    watching.join()
