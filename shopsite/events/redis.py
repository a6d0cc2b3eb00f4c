"""The Redis clients of a process. settings.REDIS_URL -> here -> heartbeats, aggregates, the hub, limits.

One server, `redis://host:port/0`, or a Redis Cluster, `redis+cluster://host:port,host:port`: the clients of
both take the same commands. What touches many keys at once goes by pipelines, which a cluster's client cuts
by slots; a script or a transaction keeps to one partition, whose keys share a slot by their hash tag.
"""

import itertools
import os
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, cast
from urllib.parse import unquote

import redis
import redis.asyncio
import redis.asyncio.cluster
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ConstantBackoff, NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.retry import Retry

CLUSTER: Final = ("redis+cluster://", "rediss+cluster://")
RETRIES: Final = 1  # for a connection that went stale; the default is ten
_clients: dict[tuple[int, str, float, int], redis.Redis] = {}
_turns = itertools.count()


class Nodes(NamedTuple):
    """Where a cluster is entered, and how."""

    hosts: list[tuple[str, int]]
    login: dict[str, Any]


def is_cluster(url: str) -> bool:
    """Whether the address is that of a Redis Cluster."""
    return url.startswith(CLUSTER)


def cluster_nodes(url: str) -> Nodes:
    """The parts of `redis+cluster://user:password@host:port,host:port`; rediss+cluster:// is TLS.

    Raises ImproperlyConfigured where it names no host and port.
    """
    scheme, _, rest = url.partition("://")
    login, _, places = rest.rpartition("@")
    user, _, password = login.partition(":")
    hosts = []
    for place in places.rstrip("/").split(","):
        host, _, port = place.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise ImproperlyConfigured(
                f"REDIS_URL names {place!r}: a cluster is redis+cluster://host:port,host:port"
            )
        hosts.append((host.strip("[]"), int(port)))
    known = {"username": unquote(user) or None, "password": unquote(password) or None}
    return Nodes(hosts, {**known, "ssl": scheme.startswith("rediss")})


def redis_client(url: str = "", *, patience: float = 5.0, retries: int = RETRIES) -> redis.Redis:
    """A pooled client that answers in bytes; made lazily, per process, so that it survives a fork.

    url: another Redis than REDIS_URL. patience: seconds for an answer.
    Whoever calls it must be able to go on without Redis: it fails within seconds, never hangs.
    """
    place = (os.getpid(), url or str(settings.REDIS_URL), patience, retries)
    client = _clients.get(place)
    if client is None:
        client = _clients[place] = _made(place[1], patience, retries)
    return client


def _made(url: str, patience: float, retries: int) -> redis.Redis:
    options: dict[str, Any] = {
        "decode_responses": False,
        "socket_timeout": patience,
        "socket_connect_timeout": min(patience, 2.0),
        "retry": Retry(ConstantBackoff(0.05), retries),
        "health_check_interval": 30,
    }
    if not is_cluster(url):
        return redis.Redis.from_url(url, **options)
    nodes = cluster_nodes(url)
    entries = [ClusterNode(host, port) for host, port in nodes.hosts]  # type: ignore[no-untyped-call]
    return cast(redis.Redis, RedisCluster(startup_nodes=entries, **nodes.login, **options))


# a client that came back by itself would hide that it missed something
_UNFORGIVING: Final[dict[str, Any]] = {
    "socket_timeout": None,  # the client's own way to time out swallows cancellations on Python 3.11
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
}


def async_redis() -> redis.asyncio.Redis:
    """A new asynchronous client that tells of a lost connection instead of coming back by itself."""
    url = str(settings.REDIS_URL)
    retry = AsyncRetry(NoBackoff(), 0)
    if not is_cluster(url):
        return redis.asyncio.Redis.from_url(url, retry=retry, **_UNFORGIVING)
    nodes = cluster_nodes(url)
    entries = [redis.asyncio.cluster.ClusterNode(host, port) for host, port in nodes.hosts]
    cluster = redis.asyncio.RedisCluster(startup_nodes=entries, retry=retry, **nodes.login, **_UNFORGIVING)
    return cast(redis.asyncio.Redis, cluster)


def listening_client() -> redis.asyncio.Redis:
    """A new client to subscribe with: of one node, another each time. Every node hears what any publishes."""
    url = str(settings.REDIS_URL)
    if not is_cluster(url):
        return async_redis()
    nodes = cluster_nodes(url)
    host, port = nodes.hosts[next(_turns) % len(nodes.hosts)]
    return redis.asyncio.Redis(
        host=host, port=port, retry=AsyncRetry(NoBackoff(), 0), **nodes.login, **_UNFORGIVING
    )


def get_many(client: redis.Redis, keys: Sequence[str | bytes]) -> list[bytes | None]:
    """The values of keys that may lie in different slots; None where there is none."""
    pipe = client.pipeline(transaction=False)
    for key in keys:
        pipe.get(key)
    return cast("list[bytes | None]", pipe.execute())


def queue(pipe: Any, *command: str | bytes | int) -> None:  # noqa: ANN401 - of one server or of a cluster
    """Add a command whose keys share a slot to a pipeline.

    A cluster's pipelines lack the methods of commands that may have keys of several slots, such as EVAL.
    """
    pipe.execute_command(*command)


def memory(client: redis.Redis | RedisCluster) -> tuple[int, int]:
    """Bytes used and allowed (0: no limit), of the fullest node of a cluster."""
    if isinstance(client, RedisCluster):
        told = list(client.info("memory", target_nodes=RedisCluster.PRIMARIES).values())
    else:
        told = [client.info("memory")]
    return max((int(node["used_memory"]), int(node.get("maxmemory", 0))) for node in told)
