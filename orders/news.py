"""Tell open order pages which orders changed. services, mails, batches -> here -> Redis -> order_watch.py.

Only a hint: a page that misses it looks again by itself. So nothing waits for it and nothing fails by it:
after the commit the ids go to a thread, which publishes all that have come together at once.
"""

import logging
import os
import threading
from collections.abc import Iterable
from queue import SimpleQueue
from typing import Final

import msgpack
from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from shopsite.events.redis import redis_client

log = logging.getLogger(__name__)
MOST_AT_ONCE: Final = 1000  # ids in a message
MOST_WAITING: Final = 100_000  # ids that wait for a slow Redis: beyond, pages look by themselves


def channel() -> str:
    """Where it is told: a message is a msgpack array of order ids."""
    return f"{settings.REDIS_PREFIX}order-news"


def tell(order_ids: Iterable[str]) -> None:
    """These orders read otherwise once the caller's transaction has committed. Never raises, never waits."""
    ids = list(order_ids)
    if ids:
        transaction.on_commit(lambda: _teller().take(ids))


class _Teller:
    """A thread that publishes what it is given, in as few messages as there are."""

    def __init__(self) -> None:
        self._ids: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._run, name="order-news", daemon=True).start()

    def take(self, ids: Iterable[str]) -> None:
        if self._ids.qsize() < MOST_WAITING:
            for order_id in ids:
                self._ids.put(order_id)

    def _run(self) -> None:
        while True:
            ids = {self._ids.get()}
            while len(ids) < MOST_AT_ONCE and not self._ids.empty():
                ids.add(self._ids.get())
            try:
                redis_client().publish(channel(), msgpack.packb(sorted(ids)))
            except (RedisError, OSError) as error:
                log.warning("%d changed orders were not told to open pages: %s", len(ids), error)


_lock = threading.Lock()
_tellers: dict[int, _Teller] = {}  # by process id: a thread does not survive a fork


def _teller() -> _Teller:
    with _lock:
        if os.getpid() not in _tellers:
            _tellers[os.getpid()] = _Teller()
        return _tellers[os.getpid()]
