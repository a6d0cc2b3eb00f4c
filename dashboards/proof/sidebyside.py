"""Run tasks in processes of their own, a few at once. audit.py -> here.

Forked, so that each task finds what stood before; it must open its own connections. Only a process without
other threads may fork: a lock that another one holds would stay closed in the child for ever.
"""

import os
import threading
from collections.abc import Callable, Iterable
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import NamedTuple, TypeVar

from shopsite.events.schemas import Unavailable

T = TypeVar("T")


class _Running(NamedTuple):
    place: int
    process: BaseProcess


def cores_to_use() -> int:
    """How many processes may run side by side; 1 where this one may not fork, or the system can't."""
    if threading.active_count() > 1 or not hasattr(os, "sched_getaffinity"):
        return 1
    return len(os.sched_getaffinity(0))


def side_by_side(tasks: Iterable[Callable[[], T]], at_once: int) -> list[T]:
    """What the tasks give, in their order; each is taken when one may begin.

    Raises what a task raised, Unavailable where its process was killed.
    """
    context = get_context("fork")
    running: dict[Connection, _Running] = {}
    answers: dict[int, T] = {}
    try:
        for place, task in enumerate(tasks):
            while len(running) >= at_once:
                answers.update(_finished(running))
            ours, theirs = context.Pipe(duplex=False)
            process: BaseProcess = context.Process(target=_run, args=(theirs, task), daemon=True)
            process.start()
            theirs.close()  # so that the end of the process is the end of the pipe
            running[ours] = _Running(place, process)
        while running:
            answers.update(_finished(running))
    finally:
        for pipe, (_, process) in running.items():
            process.terminate()
            process.join()
            pipe.close()
    return [answers[place] for place in sorted(answers)]


def _run(pipe: Connection, task: Callable[[], T]) -> None:
    told: tuple[T | None, Exception | None]
    try:
        told = task(), None
    except Exception as error:
        told = None, error
    try:
        pipe.send(told)
    except Exception as error:  # what can't be pickled is told in words
        why = f"a process that counted a part of the log can't tell {told[1] or told[0]!r}: {error}"
        pipe.send((None, Unavailable(why)))


def _finished(running: dict[Connection, _Running]) -> dict[int, T]:
    """The answers of those that have ended, at least one, which run no more."""
    found = {}
    for pipe in wait(list(running)):
        assert isinstance(pipe, Connection)
        try:
            answer, error = pipe.recv()
        except EOFError:
            raise Unavailable("a process that counted a part of the log was killed") from None
        place, process = running.pop(pipe)
        process.join()
        pipe.close()
        if error is not None:
            raise error
        found[place] = answer
    return found
