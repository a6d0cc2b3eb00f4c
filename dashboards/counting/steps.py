"""Each step of the last half hour, in 37 bytes: who, what, of which values. Events -> here -> sights.py.

A filter counts people and products from these, one by one, so what it tells is exact. Names are hashed:
whoever reads them knows the names that are looked for. A minute of one partition holds some 28,000 steps; one
that has more is full, and tells nothing.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple

from dashboards.counting.batch import Event
from dashboards.folds.base import LONGEST
from dashboards.folds.slices import source_of
from dashboards.keys import SEEN_SECONDS, bucket
from shopsite.events.schemas import Click, OrderChanged

FULL = 2**20  # bytes of one minute of one partition: 190 MB of a half hour of six, at the very most
VISIT, VIEW, CART, OUT, CHECKOUT, PAID = range(6)
KINDS = {"view_item": VIEW, "add_to_cart": CART, "remove_from_cart": OUT, "begin_checkout": CHECKOUT}
NOBODY = b"\0" * 8
NOWHERE = NOBODY[:4]  # no value
_RECORD = Struct("<HBH8s4s4s4s4s8s")
SIZE = _RECORD.size
_PACK = Struct("<HBH8s16s8s").pack  # the same, the values together
_MOST_UNITS = 2**16 - 1


class Step(NamedTuple):
    """One of them. A line of a paid order is a step of its own."""

    ms: int  # since its minute began
    kind: int
    units: int  # of a line
    user: bytes
    country: bytes
    device: bytes
    source: bytes
    category: bytes
    product: bytes


@lru_cache(60_000)  # some 15 MB: a busy half hour's people, of whom each costs 1 us anew
def hashed(name: str) -> bytes:
    """What stands for a user or a product."""
    return blake2b(name.encode(), digest_size=8).digest() if name else NOBODY


def value_hash(value: str | None) -> bytes:
    """What stands for a value of the other dimensions."""
    return blake2b(value[:LONGEST].encode(), digest_size=4).digest() if value else NOWHERE


@lru_cache(10_000)
def _values(
    country: str | None,
    device: str | None,
    sender: str | None,
    referrer: str | None,
    site: str | None,
    shelf: str | None,
) -> bytes:
    """All of an event together: few differ where many are."""
    return b"".join(map(value_hash, (country, device, source_of(sender, referrer, site), shelf)))


def packed(
    events: Sequence[Event], now: datetime, closed: Collection[int] = frozenset()
) -> Mapping[int, bytes]:
    """Start of a minute -> its steps, of the last half hour by the clock on the wall. Bots are not people.

    closed: starts of minutes that take no more: a busy one is full before it is half over.
    """
    oldest = now - timedelta(seconds=SEEN_SECONDS)
    first = bucket(oldest, "m")
    found: defaultdict[int, list[bytes]] = defaultdict(list)  # by minute of the hour: there are fewer than 60
    shut = {start // 60 % 60 for start in closed if start >= first}
    for event in events:
        at = event.timestamp
        if at <= oldest or at.minute in shut:
            continue
        if isinstance(event, Click):  # one loop without calls of Python: each call of so many costs
            if not event.bot:
                of = _values(
                    event.country, event.device, event.source, event.referrer, event.site, event.category
                )
                ms, kind = at.second * 1000 + at.microsecond // 1000, KINDS.get(event.type, VISIT)
                product = hashed(event.product_id or "")
                found[at.minute].append(_PACK(ms, kind, 0, hashed(event.user_id), of, product))
        elif isinstance(event, OrderChanged) and event.type == "order_paid":
            found[at.minute] += _of_lines(event, at)
    return {first + (minute - oldest.minute) % 60 * 60: b"".join(steps) for minute, steps in found.items()}


def _of_lines(change: OrderChanged, at: datetime) -> Iterator[bytes]:
    of = _values(change.country, change.device, change.source, None, "", None)
    ms, user = at.second * 1000 + at.microsecond // 1000, hashed(change.user_id)
    for line in change.lines:
        yield _PACK(ms, PAID, min(line.quantity, _MOST_UNITS), user, of, hashed(line.product_id))
    if not change.lines:
        yield _PACK(ms, PAID, 0, user, of, NOBODY)


def unpacked(text: bytes) -> Iterator[Step]:
    """The steps again."""
    return map(Step._make, _RECORD.iter_unpack(text))
