"""Many actors on one thread, each a generator that waits or asks the database. simulate.py -> here.

An actor yields seconds to wait, or a function to run: those run one after the other on a second thread,
so that a database that is busy for seconds does not stop the clicks of everybody else.
"""

import heapq
import logging
import queue
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import count

from django.db import close_old_connections, connections

log = logging.getLogger(__name__)
Actor = Generator["float | Callable[[], object]", object, None]
LONGEST_WAIT = 0.05  # seconds until what the database answered is looked at
MOST_AT_ONCE = 2_000  # actors moved in one step, so that a request to stop is seen
TOLD_EVERY = 10.0  # seconds: an outage is one story, not a line for each shopper


class Stage:
    """Moves its actors when they are due. What one of them raises ends only that one, and is logged."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Actor]] = []
        self._numbers = count()  # settles ties: first come, first moved
        self._answers: queue.SimpleQueue[tuple[Actor, Future[object]]] = queue.SimpleQueue()
        self.asking = 0  # actors that wait for the database
        self._desk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stage-database")
        self._told_at = -TOLD_EVERY
        self.failed = 0  # actors that ended by an exception

    def enter(self, actor: Actor, after: float = 0.0) -> None:
        """Let an actor begin, after so many seconds."""
        heapq.heappush(self._due, (self._clock() + after, next(self._numbers), actor))

    @property
    def present(self) -> int:
        """How many actors there are."""
        return len(self._due) + self.asking

    def step(self) -> int:
        """Move every actor that is due; returns how many moved."""
        moved = 0
        while moved < MOST_AT_ONCE and not self._answers.empty():
            actor, answer = self._answers.get()
            self.asking -= 1
            moved += 1
            error = answer.exception()
            self._move(actor, partial(actor.throw, error) if error else partial(actor.send, answer.result()))
        while moved < MOST_AT_ONCE and self._due and self._due[0][0] <= self._clock():
            actor = heapq.heappop(self._due)[2]
            moved += 1
            self._move(actor, partial(next, actor))
        return moved

    def wait(self, stop: threading.Event) -> None:
        """Wait until the next actor is due, or somebody asks to stop."""
        until = self._due[0][0] - self._clock() if self._due else LONGEST_WAIT
        stop.wait(max(0.0, min(LONGEST_WAIT, until)))

    def close(self) -> None:
        """End every actor; what the database was asked already is still done."""
        self._desk.submit(connections.close_all)
        self._desk.shutdown(wait=True)
        for _, _, actor in self._due:
            actor.close()
        self._due.clear()

    def _move(self, actor: Actor, move: "Callable[[], float | Callable[[], object]]") -> None:
        try:
            wish = move()
        except StopIteration:
            return
        except Exception as error:
            self.failed += 1
            if self._clock() - self._told_at >= TOLD_EVERY:
                self._told_at = self._clock()
                log.warning("an actor gave up (%d so far): %s: %s", self.failed, type(error).__name__, error)
            return
        if callable(wish):
            self.asking += 1
            self._desk.submit(_asked, wish).add_done_callback(lambda done: self._answers.put((actor, done)))
        else:
            self.enter(actor, wish)


def _asked(function: Callable[[], object]) -> object:
    """Run a function with a database connection that works."""
    close_old_connections()
    return function()
