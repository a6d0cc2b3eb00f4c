"""The progress line: on a terminal, and nowhere else."""

from io import StringIO

from shopsite.traffic.progress import Progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_share_count_and_rate() -> None:
    terminal = Terminal()
    progress = Progress("Sending", 200, terminal)
    progress.at(50)
    progress.at(51)  # too soon to be drawn
    progress.end(200)
    first, last = terminal.getvalue().removeprefix("\r").split("\r")
    assert first.startswith("Sending ███████·")
    assert " 25% 50 at " in first
    assert " s left" in first
    assert "100% 200 at " in last
    assert last.endswith("\n")


def test_a_file_sees_nothing() -> None:
    plain = StringIO()
    progress = Progress("Sending", 10, plain)
    progress.at(5)
    progress.end(10)
    assert plain.getvalue() == ""


def test_nothing_to_do_is_done() -> None:
    terminal = Terminal()
    Progress("Sending", 0, terminal).end(0)
    assert "100% 0 at" in terminal.getvalue()
