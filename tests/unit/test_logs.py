"""Log lines of many processes on one terminal, and in files that do not grow for ever."""

import io
from pathlib import Path

import pytest

from shopsite.runtime.logs import LogFile, Terminal, tee


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class ClosedTerminal(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_line_is_behind_the_name_of_its_process(tmp_path: Path) -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    terminal.muted = False
    log = LogFile(tmp_path / "relay.log")
    tee("relay", terminal, log)("published 3")
    log.close()
    assert out.getvalue() == "relay     | published 3\n"
    assert (tmp_path / "relay.log").read_text() == "published 3\n"


def test_on_a_terminal_each_process_has_its_colour() -> None:
    out = FakeTerminal()
    terminal = Terminal(out)
    terminal.muted = False
    for name in ("web", "relay", "web"):
        terminal.echo(name, "x")
    first, second, third = out.getvalue().splitlines()
    assert first == third and first.startswith("\x1b[")
    assert second.split("m")[0] != first.split("m")[0]


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = FakeTerminal()
    terminal = Terminal(out)
    terminal.muted = False
    terminal.echo("web", "x")
    assert out.getvalue() == "web       | x\n"


def test_processes_are_silent_on_the_terminal_while_it_is_muted(tmp_path: Path) -> None:
    out = io.StringIO()
    terminal = Terminal(out)
    log = LogFile(tmp_path / "web.log")
    tee("web", terminal, log)("booting")
    log.close()
    terminal.say("a step")
    assert out.getvalue() == "a step\n"
    assert (tmp_path / "web.log").read_text() == "booting\n"


def test_a_log_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    log = LogFile(path, limit=1000)
    for number in range(500):
        log.write(f"line {number:03}")
    log.close()
    assert path.read_text().endswith("line 499\n")
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 2200
    assert {file.name for file in tmp_path.iterdir()} == {"web.log", "web.log.1"}


def test_a_terminal_that_was_closed_stops_nothing() -> None:
    terminal = Terminal(ClosedTerminal())
    terminal.say("one")
    terminal.say("two")
