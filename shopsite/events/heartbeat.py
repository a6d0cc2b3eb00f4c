"""Each process says that it lives, and how it does. Every loop -> here -> Redis -> readyz, /ops, doctor."""

import os
import socket
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec
import redis
from django.conf import settings
from redis.exceptions import RedisError

from shopsite.events.redis import get_many, redis_client

TTL_SECONDS = 15
EVERY_SECONDS = 1.0
AFTER_FAILURE_SECONDS = 5.0  # without Redis a loop must not spend its time on saying so
RATE_SECONDS = 60.0
# process -> what counts its work from its start, first what it is there for: how fast these grow is told, too
COUNTS: Mapping[str, tuple[str, ...]] = {
    "web": ("requests", "frames"),
    "relay": ("published",),
    "consume": ("read",),
    "worker": ("tasks",),
    "aggregate": ("folded",),
    "simulate": ("shoppers",),
}


class Heartbeat:
    """The heartbeat of one process. name: web relay consume worker beat aggregate gateway simulate."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._started = time.time()
        self._next = 0.0
        self._counted: deque[tuple[float, dict[str, int]]] = (
            deque()
        )  # (monotonic, COUNTS), of the last minute

    def beat(self, **figures: object) -> None:
        """Tell that the process lives, with its figures, at most once a second. Never raises."""
        now = time.monotonic()
        if now < self._next:
            return
        try:
            message = self._message(figures | {"rates": self._rates(now, figures)})
            redis_client().set(self._key(), message, ex=TTL_SECONDS)
        except (RedisError, OSError):
            self._next = now + AFTER_FAILURE_SECONDS  # its absence is what tells
        else:
            self._next = now + EVERY_SECONDS

    def stop(self) -> None:
        """Take the heartbeat away: the process ends on purpose. Never raises."""
        try:
            redis_client().delete(self._key())
        except (RedisError, OSError):
            return  # it runs out by itself

    def _rates(self, now: float, figures: dict[str, object]) -> dict[str, float]:
        """How much of each count a second, over the last minute; {} before there are two beats."""
        mine = {name: figures.get(name) for name in COUNTS.get(self.name, ())}
        counts = {name: count for name, count in mine.items() if isinstance(count, int)}
        self._counted.append((now, counts))
        while self._counted[0][0] < now - RATE_SECONDS:
            self._counted.popleft()
        then, before = self._counted[0]
        if now == then:
            return {}
        return {name: round((counts[name] - before.get(name, 0)) / (now - then), 2) for name in counts}

    def _key(self) -> str:
        # with the host: in containers every process may be number 1
        return f"{settings.REDIS_PREFIX}beat:{self.name}:{socket.gethostname()}:{os.getpid()}"

    def _message(self, figures: dict[str, object]) -> bytes:
        about = {
            "name": self.name,
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "started": self._started,
            "at": time.time(),
        }
        return msgspec.json.encode(about | figures, enc_hook=str)


def read_beats(client: redis.Redis | None = None) -> list[dict[str, Any]]:
    """The heartbeats of the last 15 seconds, by name and pid. Raises RedisError where Redis is away.

    client: one of other patience than the usual.
    """
    client = client or redis_client()
    keys = sorted(client.scan_iter(match=f"{settings.REDIS_PREFIX}beat:*", count=1000))
    return [msgspec.json.decode(value) for value in get_many(client, keys) if value is not None]
