"""Tell clicks without making anybody wait. storefront, simulate -> emit() -> click_sender.py -> Kafka.

One sender per process, made at the first click, and anew in the child of a fork.
"""

import atexit
import logging
import os
import threading
from pathlib import Path

from django.conf import settings

from shopsite.config import LOCAL_DIR
from shopsite.events.click_sender import ClickSender
from shopsite.events.schemas import Click
from shopsite.events.spool import Spool
from shopsite.events.topics import topic_name

log = logging.getLogger(__name__)

_sender: ClickSender | None = None
_of_pid = 0
_left_behind: list[ClickSender] = []  # a parent's, kept so that no destructor waits for its threads
_starting = threading.Lock()


def emit(click: Click) -> None:
    """Tell a click. Never blocks, never raises. Until flush() says so, a kill -9 may still lose it."""
    sender = _sender if _of_pid == os.getpid() else None
    if sender is None:
        try:
            sender = _start()
        except Exception:
            log.exception("clicks: cannot start the sender; this click is lost")
            return
    sender.emit(click)


def flush(timeout: float = 5.0) -> bool:
    """Wait until this process's clicks are in Kafka or on disk; whether that was in time (seconds)."""
    sender = _sender if _of_pid == os.getpid() else None
    return sender is None or sender.flush(timeout)


def close(timeout: float = 3.0) -> None:
    """Flush, spool the rest and end the thread; the next emit() begins anew.

    It runs at exit by itself. A server that ends by a signal must call it: signals skip atexit.
    """
    global _sender
    sender = _sender if _of_pid == os.getpid() else None
    if sender is not None:
        _sender = None
        sender.close(timeout)


def stats() -> dict[str, int]:
    """Figures of this process's clicks for its heartbeat; {} before the first click."""
    sender = _sender if _of_pid == os.getpid() else None
    return sender.stats() if sender is not None else {}


def spool_folder() -> Path:
    """Where clicks wait while Kafka is away; processes with the same topics share it."""
    return LOCAL_DIR / "clicks-spool" / f"{settings.TOPIC_PREFIX}clicks"


def _start() -> ClickSender:
    global _sender, _of_pid
    with _starting:
        if _sender is not None and _of_pid == os.getpid():
            return _sender
        if _sender is not None:
            _left_behind.append(_sender)
        spool = Spool(spool_folder(), settings.CLICK_SPOOL_MEGABYTES * 1_000_000)
        _sender, _of_pid = ClickSender(spool, topic_name("clicks"), connected=_close_first), os.getpid()
        _close_first()
        return _sender


def _close_first() -> None:
    """Have close() run before Kafka's own exit handler: what was registered last runs first."""
    atexit.unregister(close)
    atexit.register(close)


def _after_fork() -> None:
    global _starting
    _starting = threading.Lock()  # the parent may have held it


os.register_at_fork(after_in_child=_after_fork)
