"""Answers that take days of buckets, made by a task and kept in Redis. refresh -> here -> page, shop.

Whoever reads what is kept never waits for buckets, and goes on without it where Redis is away.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar, cast

import msgspec
from django.conf import settings
from redis.exceptions import RedisError

from dashboards.answers.dropoff import Step, read_steps
from dashboards.answers.spans import WEEK, by_kind, sums
from dashboards.answers.together import Partner, Partners, read_partners
from dashboards.answers.trending import Trend, read_trends
from dashboards.answers.vain import Vain, read_vain
from shopsite.events.redis import redis_client

USUAL_S = 120  # between two refreshes
FIRST_S = 10  # between the first two: a new shop's figures come in while its pages are read
KEPT_SECONDS = 3600  # where no worker refreshes them, old answers vanish rather than mislead
USUAL_PRODUCTS = 5_000  # whose usual views and units are kept
T = TypeVar("T")


class Usual(msgspec.Struct, frozen=True):
    """What the most viewed products had in the seven days before."""

    views: dict[str, int]
    units: dict[str, int]


def read_usual(now: datetime) -> Usual:
    """Views and units of the last seven days. Raises RedisError."""
    end = now.replace(minute=0, second=0, microsecond=0)
    kinds = by_kind(sums(end - WEEK, end, "products")["products"])
    most = sorted(kinds["v"], key=lambda sku: -kinds["v"][sku])[:USUAL_PRODUCTS]
    return Usual({sku: kinds["v"][sku] for sku in most}, {sku: kinds["u"].get(sku, 0) for sku in most})


def refresh_due(now: datetime) -> bool:
    """Make all of them anew where it is time: at once where none are kept, then ever more seldom.

    Whether it was. However many ask, one does it. Raises RedisError.
    """
    client, seconds = redis_client(), int(now.timestamp())
    client.set(_key("began"), seconds, nx=True)
    began = int(cast(bytes, client.get(_key("began")) or seconds))
    client.expire(_key("began"), KEPT_SECONDS)
    wait = min(max((seconds - began) // 2, FIRST_S), USUAL_S)
    if not client.set(_key("turn"), seconds, nx=True, px=wait * 1000 - 500):  # over when beat knocks again
        return False
    refresh(now)
    return True


def refresh(now: datetime) -> None:
    """Make all of them anew. Raises RedisError."""
    answers: tuple[tuple[str, Callable[[datetime], Any]], ...] = (
        ("trending", read_trends),
        ("dropoff", read_steps),
        ("vain", read_vain),
        ("usual", read_usual),
    )
    for name, read in answers:
        redis_client().set(_key(name), msgspec.json.encode(read(now)), ex=KEPT_SECONDS)
    _keep_partners(read_partners(now))


def _keep_partners(found: Partners) -> None:
    """A hash, of which a product's page reads one field; replaced as a whole."""
    key, pipe = _key("together"), redis_client().pipeline(transaction=True)
    pipe.delete(key)
    if found:
        pipe.hset(key, mapping={sku: msgspec.json.encode(some) for sku, some in found.items()})
        pipe.expire(key, KEPT_SECONDS)
    pipe.execute()


def _key(name: str) -> str:
    return f"{settings.REDIS_PREFIX}answers:{name}"


def trending() -> list[Trend] | None:
    """What trends; None where nobody made it lately."""
    return _read("trending", list[Trend])


def dropoff() -> list[Step] | None:
    """The steps of the funnel; None where nobody made them lately."""
    return _read("dropoff", list[Step])


def in_vain() -> list[Vain] | None:
    """What finds nothing; None where nobody made it lately."""
    return _read("vain", list[Vain])


def usual() -> Usual | None:
    """What products had in seven days; None where nobody made it lately."""
    return _read("usual", Usual)


def bought_with(sku: str) -> list[Partner]:
    """The product's partners, the closest first; none where none are known."""
    try:
        kept = redis_client().hget(_key("together"), sku)
    except (RedisError, OSError):
        return []
    return msgspec.json.decode(kept, type=list[Partner]) if kept else []


def pairs(most: int) -> list[tuple[str, Partner]]:
    """The pairs that are bought most, each once."""
    try:
        kept = cast("dict[bytes, bytes]", redis_client().hgetall(_key("together")))
    except (RedisError, OSError):
        return []
    found = [
        (sku, partner)
        for sku, some in ((name.decode(), some) for name, some in kept.items())
        for partner in msgspec.json.decode(some, type=list[Partner])
        if sku < partner.product_id
    ]
    return sorted(found, key=lambda pair: (-pair[1].orders, -pair[1].lift, pair[0]))[:most]


def _read(name: str, kind: type[T]) -> T | None:
    try:
        kept = redis_client().get(_key(name))
    except (RedisError, OSError):
        return None
    return msgspec.json.decode(kept, type=kind) if kept else None
