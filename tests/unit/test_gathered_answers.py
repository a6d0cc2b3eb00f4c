"""Answers of the gateway that come at about the same time are written by one transaction."""

import queue
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from shopsite.fulfilment import charging
from shopsite.fulfilment.asking import Question

WORDS: Any = ["first", "second"]  # what is said does not matter


class Inbox(queue.SimpleQueue[Question | None]):
    """Notes whether anybody waited for a word that had not come."""

    def __init__(self, words: Sequence[Question | None]) -> None:
        super().__init__()
        self.was_waited_for = threading.Event()
        for word in words:
            self.put(word)

    def get(self, block: bool = True, timeout: float | None = None) -> Question | None:
        """As any queue."""
        if timeout is not None:
            self.was_waited_for.set()
        return super().get(block, timeout)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "GATHER_SECONDS", 60)


def test_an_answer_that_comes_a_moment_later_is_taken_along(monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = Inbox(WORDS[:1])
    monkeypatch.setattr(charging, "_inbox", inbox)

    def late() -> None:
        assert inbox.was_waited_for.wait(60)
        inbox.put(WORDS[1])

    thread = threading.Thread(target=late, daemon=True)
    thread.start()
    assert charging._gathered(2) == WORDS
    thread.join()


@pytest.mark.parametrize(
    ("there", "missing"), [(WORDS[:1], 1), (WORDS, 2), ([*WORDS[:1], None], 5), ([None], 5), ([None], 0)]
)
def test_nobody_waits_where_all_have_answered_or_more_is_due(
    monkeypatch: pytest.MonkeyPatch, there: list[Any], missing: int
) -> None:
    inbox = Inbox(there)
    monkeypatch.setattr(charging, "_inbox", inbox)
    assert charging._gathered(missing) == there
    assert not inbox.was_waited_for.is_set()


def test_a_moment_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr(charging, "_inbox", Inbox(WORDS[:1]))
    assert charging._gathered(2) == WORDS[:1]
