"""Tasks in processes of their own: their answers in order, their errors raised, a killed one told."""

import os
import signal
import time
from functools import partial

import pytest

from dashboards.proof.sidebyside import side_by_side
from shopsite.events.schemas import Unavailable


def test_answers_come_in_the_order_of_the_tasks_each_of_a_process_of_its_own() -> None:
    def task(number: int) -> tuple[int, int]:
        time.sleep(0.2 if number == 0 else 0)  # the first one ends last
        return number, os.getpid()

    found = side_by_side((partial(task, number) for number in range(5)), 2)

    assert [number for number, _ in found] == [0, 1, 2, 3, 4]
    assert len({os.getpid(), *(process for _, process in found)}) == 6


def test_what_a_task_raises_is_raised() -> None:
    def fail() -> None:
        raise Unavailable("Kafka is away")

    with pytest.raises(Unavailable, match="Kafka is away"):
        side_by_side([lambda: None, fail, lambda: None], 2)


def test_what_cannot_travel_from_a_process_is_told_in_words() -> None:
    class OfItsOwn(Exception):
        """pickle knows no class that stands in a function."""

    def fail() -> None:
        raise OfItsOwn("the disk is full")

    with pytest.raises(Unavailable, match=r"can't tell .*the disk is full"):
        side_by_side([fail], 2)
    with pytest.raises(Unavailable, match=r"can't tell <function"):
        side_by_side([lambda: lambda: None], 2)


def test_a_process_that_is_killed_is_no_answer() -> None:
    with pytest.raises(Unavailable, match="was killed"):
        side_by_side([lambda: os.kill(os.getpid(), signal.SIGKILL)], 2)
