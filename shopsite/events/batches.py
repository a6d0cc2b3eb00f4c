"""Batches of clicks that a browser may send twice. collect.py -> here -> Redis.

Known again for ten minutes.
"""

import asyncio
import logging
from typing import Final

from django.conf import settings
from redis.exceptions import RedisError

from shopsite.events.redis import redis_client

log = logging.getLogger(__name__)
KEPT_SECONDS: Final = 600
SENDING, TAKEN = b"sending", b"taken"


async def claim(batch: str) -> bytes | None:
    """None where the batch is new, and now ours to send; else how far whoever has it is.

    Without Redis every batch is new: counting one twice is better than losing it.
    """
    return await asyncio.to_thread(_claim, batch)


async def settle(batch: str, *, taken: bool) -> None:
    """Note that Kafka has the batch, or give it up so that it may be sent again. Never raises."""
    await asyncio.to_thread(_settle, batch, taken)


def _claim(batch: str) -> bytes | None:
    client, key = redis_client(), _key(batch)
    try:
        if client.set(key, SENDING, nx=True, ex=KEPT_SECONDS):
            return None
        found = client.get(key)
    except (RedisError, OSError) as error:
        log.warning("collect: a batch cannot be remembered: %s", error)
        return None
    return found if isinstance(found, bytes) else SENDING  # it ran out between the two calls


def _settle(batch: str, taken: bool) -> None:
    client, key = redis_client(), _key(batch)
    try:
        if taken:
            client.set(key, TAKEN, ex=KEPT_SECONDS)
        else:
            client.delete(key)
    except (RedisError, OSError) as error:
        log.warning("collect: a batch cannot be remembered: %s", error)


def _key(batch: str) -> str:
    return f"{settings.REDIS_PREFIX}batch:{batch}"
