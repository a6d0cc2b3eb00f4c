"""What the last audit found, for the live page to say. `manage.py audit` -> Redis -> live.py.

Kept in Redis alone: where it is lost, the page says that no audit is known, which is so.
"""

from datetime import datetime

import msgspec
import redis
from django.conf import settings

from shopsite.events.redis import redis_client


class Verdict(msgspec.Struct, frozen=True, array_like=True):
    """Of one whole audit; an array on the page."""

    at: int  # epoch ms of its end
    differ: int  # checks of which log and store disagree
    checks: int


def _key() -> str:
    return f"{settings.REDIS_PREFIX}audit:last"


def keep_verdict(client: redis.Redis, *, at: datetime, differ: int, checks: int) -> None:
    """Keep it in place of the one before. Raises RedisError."""
    client.set(_key(), msgspec.json.encode(Verdict(int(at.timestamp() * 1000), differ, checks)))


def read_verdict() -> Verdict | None:
    """The last one, None where none is known. Raises RedisError."""
    kept = redis_client().get(_key())
    return msgspec.json.decode(kept, type=Verdict) if kept else None
