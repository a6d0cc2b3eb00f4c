"""Answers of the gateway that come at about the same time are written by one transaction."""

import queue
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from shopsite.fulfilment import asking
from shopsite.fulfilment.asking import Inquiries, Question

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
    monkeypatch.setattr(asking, "GATHER_SECONDS", 60)


def inquiries(inbox: Inbox, *, missing: int) -> Inquiries:
    """As they are when so many are open."""
    found = Inquiries()
    found._words, found._open = inbox, missing
    return found


def test_an_answer_that_comes_a_moment_later_is_taken_along() -> None:
    inbox = Inbox(WORDS[:1])

    def late() -> None:
        assert inbox.was_waited_for.wait(60)
        inbox.put(WORDS[1])

    thread = threading.Thread(target=late, daemon=True)
    thread.start()
    asked = inquiries(inbox, missing=2)
    assert asked.take() == (WORDS, False)
    assert not asked.is_busy
    thread.join()


@pytest.mark.parametrize(
    ("there", "missing"), [(WORDS[:1], 1), (WORDS, 2), ([*WORDS[:1], None], 5), ([None], 5), ([None], 0)]
)
def test_nobody_waits_where_all_have_answered_or_more_is_due(there: list[Any], missing: int) -> None:
    inbox = Inbox(there)
    answers = [word for word in there if word]
    asked = inquiries(inbox, missing=missing)
    assert asked.take() == (answers, None in there)
    assert not inbox.was_waited_for.is_set()
    assert asked.room == asking.AT_ONCE - missing + len(answers)


def test_a_moment_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "GATHER_SECONDS", 0.01)
    asked = inquiries(Inbox(WORDS[:1]), missing=2)
    assert asked.take() == (WORDS[:1], False)
    assert asked.is_busy
