"""Names of everything the aggregates keep in Redis. aggregate.py writes by them, live pages read by them.

A partition's name (`tp`) is its logical topic and number, "clicks-0"; in braces it is the hash tag, so
all keys of a partition live in one slot of a Redis Cluster and one script may change them together.
A bucket is the UTC second, minute, hour or day of the event's own time. Where `P` is the prefix:

    P{tp}:offset                        the next offset to fold                       string
    P{tp}:start                         the offset at which folding began             string
    P{tp}:moves                         how many units left for the database           string
    P{tp}:written                       until when changes are in the database, s      string
    P{tp}:seq                           the relay's highest number folded             string
    P{tp}:ids                           stock events of others: id -> clock ms        sorted set, 7 days
    P{tp}:gaps                          from -> to of offsets that the log had lost   hash
    P{tp}:misfits                       bucket and field -> why it could not be added hash
    P{tp}:days                          day buckets that exist -> last written, s     sorted set
    P{tp}:<grain>:<start>:<fold>        field -> whole number (money in micros)       hash
    P{tp}:<grain>:<start>:visitors      also sessions, funnel.<stage>                 HyperLogLog
    P{tp}:<d or h>:<start>:index        finer bucket -> "made s:offset:changed ms"    hash
    P{tp}:seen                          user -> last seen, epoch ms; 30 minutes       sorted set
    P{tp}:steps:<start>                 each step of a minute (steps.py); 30 minutes  string
    P{tp}:recent                        the last 60 events as JSON, newest first      list

    Ppartitions                         names of all partitions that were ever folded     set

Outside of any generation there is one more pair under Redis's own prefix: `generation` (which prefix is
live, see store.live_keys) and the channel `changes`, where each applied batch is told as msgpack
[tp, next_offset, now_ms, [touched keys of grains s and m whose bucket began in the last hour]].
"""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, NamedTuple

import msgspec
from django.conf import settings

Grain = Literal["s", "m", "h", "d"]
GRAINS: tuple[Grain, ...] = ("s", "m", "h", "d")
WIDTH: dict[Grain, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}  # seconds
SEEN_SECONDS = 1800  # how long a visitor stays in `seen`
RECENT_EVENTS = 60
IDS_MS = 7 * 86_400_000  # how long the id of another's stock event is recognised
MICRO = 1_000_000
# The last parts of the keys that never expire: a few a partition, none of which grows with traffic.
ENDLESS = frozenset(("offset", "seq", "start", "gaps", "misfits", "days", "partitions", "generation"))
STEP = "\x1f"  # between the two paths of a field of `paths`


class Bucket(NamedTuple):
    """What a bucket's key says."""

    tp: str
    grain: Grain
    start: int  # epoch seconds of its first second
    fold: str


class Recent(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One entry of `recent`, as JSON; what does not apply is left out."""

    kind: Literal["click", "order", "stock"]
    type: str  # a click's or an order event's type, a stock event's reason
    at: int  # epoch ms of the event
    user: str = ""
    product: str = ""
    path: str = ""
    search: str = ""
    country: str = ""
    device: str = ""
    source: str = ""  # the host that sent the visit
    category: str = ""
    order: str = ""
    amount: str = ""  # decimal
    currency: str = ""
    change: int = 0  # of stock
    bot: bool = False


def retention(grain: Grain) -> int:
    """Seconds that a bucket is kept after it was last written."""
    return {
        "s": settings.KEEP_SECONDS_MINUTES * 60,
        "m": settings.KEEP_MINUTES_HOURS * 3600,
        "h": settings.KEEP_HOURS_DAYS * 86400,
        "d": settings.KEEP_DAYS_YEARS * 366 * 86400,
    }[grain]


def bucket(at: datetime | float, grain: Grain) -> int:
    """Start of the bucket that holds a moment (aware datetime or epoch seconds), in epoch seconds."""
    seconds = int((at.timestamp() if isinstance(at, datetime) else at) // 1)
    return seconds - seconds % WIDTH[grain]


def partition_name(topic: str, partition: int) -> str:
    """ "clicks-0" for the logical topic's partition 0."""
    return f"{topic}-{partition}"


def split_partition(tp: str) -> tuple[str, int]:
    """("clicks", 0) for "clicks-0"."""
    topic, _, number = tp.rpartition("-")
    return topic, int(number)


def micros(amount: Decimal) -> int:
    """Money as whole micros, exact; what is finer than a micro is cut off (schemas allow 6 decimals)."""
    return int(amount.scaleb(6))


def money(amount: int) -> str:
    """Micros as the shortest plain decimal with at least two places: "12.50", "0.125"."""
    sign, (whole, part) = "-" if amount < 0 else "", divmod(abs(amount), MICRO)
    return f"{sign}{whole}.{f'{part:06d}'.rstrip('0').ljust(2, '0')}"


def split_field(field: str) -> tuple[str, str]:
    """("v", "MUG") for "v|MUG" of `products`; the name may itself hold bars."""
    kind, _, name = field.partition("|")
    return kind, name


def split_revenue(name: str) -> tuple[str, str]:
    """("EUR", "MUG") for the name "EUR|MUG" of a field "r|EUR|MUG" of `products`."""
    currency, _, product_id = name.partition("|")
    return currency, product_id


@dataclass(frozen=True, slots=True)
class Keys:
    """Builds the names of one generation of aggregates; readers get theirs from store.live_keys."""

    prefix: str

    @property
    def partitions(self) -> str:
        """The names of all partitions that were ever folded."""
        return f"{self.prefix}partitions"

    def offset(self, tp: str) -> str:
        """The next offset to fold."""
        return f"{self.prefix}{{{tp}}}:offset"

    def begun(self, tp: str) -> str:
        """The offset at which these figures begin: where the log began when it was folded first."""
        return f"{self.prefix}{{{tp}}}:start"

    def moves(self, tp: str) -> str:
        """How many units of buckets were moved to the database: readers notice one by it."""
        return f"{self.prefix}{{{tp}}}:moves"

    def written(self, tp: str) -> str:
        """What changed before that second was written to the database; a hint."""
        return f"{self.prefix}{{{tp}}}:written"

    def seq(self, tp: str) -> str:
        """The relay's highest number folded."""
        return f"{self.prefix}{{{tp}}}:seq"

    def ids(self, tp: str) -> str:
        """Ids of others' stock events, by the time they were seen."""
        return f"{self.prefix}{{{tp}}}:ids"

    def gaps(self, tp: str) -> str:
        """Offsets that were gone from the log before they could be folded."""
        return f"{self.prefix}{{{tp}}}:gaps"

    def misfits(self, tp: str) -> str:
        """Figures that Redis refused, such as a sum beyond 64 bits; audit names them."""
        return f"{self.prefix}{{{tp}}}:misfits"

    def days(self, tp: str) -> str:
        """Starts of the day buckets that exist."""
        return f"{self.prefix}{{{tp}}}:days"

    def seen(self, tp: str) -> str:
        """Visitors by last seen, epoch ms."""
        return f"{self.prefix}{{{tp}}}:seen"

    def steps(self, tp: str, start: int) -> str:
        """Each step of the minute that began then."""
        return f"{self.prefix}{{{tp}}}:steps:{start}"

    def recent(self, tp: str) -> str:
        """The last events as JSON (Recent), newest first."""
        return f"{self.prefix}{{{tp}}}:recent"

    def bucket(self, tp: str, grain: Grain, start: int, fold: str) -> str:
        """One fold's figures in one bucket."""
        return f"{self.prefix}{{{tp}}}:{grain}:{start}:{fold}"

    def index(self, tp: str, grain: Literal["h", "d"], start: int) -> str:
        """Which minutes of an hour, or hours of a day, were ever written, when first and when last."""
        return f"{self.prefix}{{{tp}}}:{grain}:{start}:index"

    def parse(self, key: bytes | str) -> Bucket | None:
        """The parts of a bucket's key of this generation, None for any other key."""
        name = key.decode() if isinstance(key, bytes) else key
        if not name.startswith(self.prefix):
            return None
        found = _BUCKET.fullmatch(name, len(self.prefix))
        if found is None:
            return None
        tp, grain, start, fold = found.groups()
        return Bucket(tp, grain, int(start), fold)  # type: ignore[arg-type]  # the pattern allows only grains


_BUCKET = re.compile(r"\{([a-z]+-\d+)\}:([smhd]):(-?\d+):([a-z_.]+)")


def first_keys() -> Keys:
    """The names of the first generation, whose prefix is Redis's own."""
    return Keys(settings.REDIS_PREFIX)


def generation_keys(generation: int) -> Keys:
    """The names of a generation: 0 is the first, each `rebuild` makes the next."""
    return Keys(f"{settings.REDIS_PREFIX}g{generation}:") if generation else first_keys()


def generation_key() -> str:
    """Where the number of the live generation is kept."""
    return f"{settings.REDIS_PREFIX}generation"


def changes_channel() -> str:
    """Where every applied batch is told."""
    return f"{settings.REDIS_PREFIX}changes"
