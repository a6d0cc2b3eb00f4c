"""Redis clients. settings.REDIS_URL -> here -> heartbeats, aggregates, the hubs of the websockets."""

import os

import redis
from django.conf import settings
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ConstantBackoff, NoBackoff
from redis.retry import Retry

_clients: dict[tuple[int, str], redis.Redis] = {}


def redis_client() -> redis.Redis:
    """A pooled client that answers in bytes; made lazily, per process, so that it survives a fork.

    Whoever calls it must be able to go on without Redis: it fails within seconds, never hangs.
    """
    place = (os.getpid(), str(settings.REDIS_URL))
    client = _clients.get(place)
    if client is None:
        client = _clients[place] = redis.Redis.from_url(
            place[1],
            decode_responses=False,
            socket_timeout=5,
            socket_connect_timeout=2,
            # one more try, for a connection that went stale; the default is ten
            retry=Retry(ConstantBackoff(0.05), 1),
            health_check_interval=30,
        )
    return client


def listening_client() -> AsyncRedis:
    """A client to listen with, that tells of a lost connection: one that came back by itself hides a gap."""
    return AsyncRedis.from_url(
        settings.REDIS_URL,
        socket_timeout=None,  # the client's own way to time out swallows cancellations on Python 3.11
        socket_connect_timeout=2,
        socket_keepalive=True,
        health_check_interval=10,
        retry=AsyncRetry(NoBackoff(), 0),
    )
