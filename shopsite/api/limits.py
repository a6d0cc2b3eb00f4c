"""How many requests a second a key may make. dispatch.py -> here -> bucket.lua in Redis, or this process.

The bucket is in Redis, one for all processes. A process takes a handful of tokens at a time and spends
them itself, so most requests ask nobody. While Redis is away each process counts alone.
"""

import logging
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis
from django.conf import settings
from redis.exceptions import RedisError

from shopsite.events.redis import redis_client

log = logging.getLogger(__name__)
SCRIPT: Final = Path(__file__).with_name("bucket.lua").read_text(encoding="utf-8")
SHARE: Final = 50  # a fiftieth of a second's tokens at a time: what a process can hold back from others
KEPT_S: Final = 1.0  # tokens that are not spent by then are dropped: the bucket is full again
WITHOUT_REDIS_S: Final = 5.0  # before it is asked again
ANSWER_S: Final = 0.25  # Redis is asked within a request
MOST_BUCKETS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may go on, and what is left."""

    allowed: bool
    limit: int  # requests a second
    left: int

    def headers(self) -> dict[str, str]:
        """As draft-ietf-httpapi-ratelimit-headers has them; a refusal says when to come again."""
        told = {
            "ratelimit-policy": f'"key";q={self.limit};w=1',
            "ratelimit": f'"key";r={self.left};t=1',
        }
        return told if self.allowed else {**told, "retry-after": "1"}


class _Bucket:
    """What this process holds of one key's tokens."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.held = 0
        self.taken_at = 0.0
        self.left = 0  # in Redis, when it was asked last
        self.own_left: float | None = None  # the bucket of this process alone, while Redis is away
        self.own_at = 0.0


_buckets: dict[str, _Bucket] = {}
_quiet_until = 0.0


def take(name: str, rate: int) -> Verdict:
    """One request of the bucket `name`, which gets `rate` tokens a second and holds as many."""
    bucket = _bucket(name)
    with bucket.lock:
        now = time.monotonic()
        if now - bucket.taken_at > KEPT_S:
            bucket.held = 0
        if bucket.held == 0:
            bucket.held, bucket.left = _more(bucket, name, rate, now)
            bucket.taken_at = now
        allowed = bucket.held > 0
        bucket.held -= allowed
        return Verdict(allowed, rate, bucket.left + bucket.held)


def forget() -> None:
    """Begin anew, as a process does."""
    global _quiet_until
    _buckets.clear()
    _quiet_until = 0.0


def _bucket(name: str) -> _Bucket:
    if len(_buckets) > MOST_BUCKETS:
        _buckets.clear()
    return _buckets.setdefault(name, _Bucket())


def _more(bucket: _Bucket, name: str, rate: int, now: float) -> tuple[int, int]:
    """(tokens for this process, tokens left for all)."""
    global _quiet_until
    if now >= _quiet_until:
        try:
            key = f"{settings.REDIS_PREFIX}limit:{name}"
            taken, left = _redis().eval(SCRIPT, 1, key, rate, rate, max(1, rate // SHARE))
            bucket.own_left = None
            return int(taken), int(left)
        except (RedisError, OSError) as error:
            _quiet_until = time.monotonic() + WITHOUT_REDIS_S
            log.warning("API limits: Redis is away, each process counts alone: %s", error)
    return _alone(bucket, rate, now)


def _alone(bucket: _Bucket, rate: int, now: float) -> tuple[int, int]:
    left = float(rate) if bucket.own_left is None else bucket.own_left
    left = min(float(rate), left + (now - (bucket.own_at or now)) * rate)
    taken = min(max(1, rate // SHARE), int(left))
    bucket.own_left, bucket.own_at = left - taken, now
    return taken, int(left - taken)


def _redis() -> redis.Redis:
    """A client that gives up soon: the limit is not worth a slow answer."""
    return redis_client(patience=ANSWER_S, retries=0)
