"""Heartbeats of the Celery processes, whose loops are not ours: a thread beats while they run."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import task_postrun, task_prerun

from shopsite.events.heartbeat import Heartbeat

EVERY_SECONDS = 1.0


class TaskCount:
    """How many tasks have run, and for how long the oldest one that still runs."""

    def __init__(self) -> None:
        self._done = 0
        self._began: dict[str, float] = {}
        self._lock = threading.Lock()

    def begin(self, *, task_id: str, **_rest: Any) -> None:
        """A task begins; called by Celery."""
        with self._lock:
            self._began[task_id] = time.monotonic()

    def end(self, *, task_id: str, **_rest: Any) -> None:
        """A task has ended; called by Celery."""
        with self._lock:
            self._began.pop(task_id, None)
            self._done += 1

    def figures(self) -> dict[str, float]:
        """For the heartbeat."""
        with self._lock:
            oldest = min(self._began.values(), default=None)
            longest = time.monotonic() - oldest if oldest is not None else 0.0
            return {"tasks": self._done, "running": len(self._began), "longest_seconds": round(longest, 1)}


@contextmanager
def beat_while_running(name: str, *, counting_tasks: bool = False) -> Iterator[None]:
    """Send the named heartbeat every second until the block ends."""
    over = threading.Event()
    count = TaskCount()
    if counting_tasks:
        task_prerun.connect(count.begin)
        task_postrun.connect(count.end)

    def run() -> None:
        heartbeat = Heartbeat(name)
        while not over.is_set():
            heartbeat.beat(**(count.figures() if counting_tasks else {}))
            over.wait(EVERY_SECONDS)
        heartbeat.stop()

    thread = threading.Thread(target=run, name=f"heartbeat-{name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=2)
