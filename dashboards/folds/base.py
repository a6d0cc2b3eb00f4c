"""What a statistic is: a pure function of one bucket's events. batch.py runs those that the other files make.

A fold sees a list of events whose time lies in one second or minute and gives whole numbers by field
(Counts, summed when buckets are merged) or the members of a set (Uniques, counted by HyperLogLog).
It must not look at anything else, so that any order, any split into batches and any recount of the log
come to the same figures; a capped list comes to them within the error that it states.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from dashboards.keys import Grain
from shopsite.events.schemas import Click, OrderChanged, StockChanged

E = TypeVar("E", Click, OrderChanged, StockChanged)
Topic = Literal["clicks", "orders", "inventory"]
MINUTES_UP: tuple[Grain, ...] = ("m", "h", "d")
SECONDS_UP: tuple[Grain, ...] = ("s", "m", "h", "d")
OTHER = "(other)"  # the sum of what a full bucket dropped
OFF = "(off)"  # by how much a field of that bucket may be short: a bound, no count
MARKS = frozenset((OTHER, OFF))
LONGEST = 60  # characters kept of a name that somebody else chose: small hashes stay packed below 64 bytes


class Cap(NamedTuple):
    """The most fields of one partition's bucket. A full one drops its smallest fields (fence.lua)."""

    m: int
    h: int
    d: int

    def __str__(self) -> str:
        return f"{self.m:,} fields a minute, {self.h:,} an hour, {self.d:,} a day"


LIST = Cap(100, 500, 1000)


@dataclass(frozen=True, kw_only=True)
class Counts(Generic[E]):
    """A statistic kept as whole numbers by field."""

    name: str  # last part of its keys; folds of several topics may share one
    topic: Topic
    tile: str  # what shows it
    keys: str  # what its fields are, in words
    fields: Callable[[Sequence[E]], Mapping[str, int]]
    grains: tuple[Grain, ...] = MINUTES_UP
    most: str = ""  # the bound of its fields where it needs no cap
    cap: Cap | None = None
    has_kinds: bool = False  # fields are `kind|name`: each kind has its own (other) and (off)
    of_bots: bool = False  # given the clicks of bots instead of those of people

    @property
    def bound(self) -> str:
        """How large one partition's bucket gets, in words."""
        return str(self.cap) if self.cap else self.most


@dataclass(frozen=True, kw_only=True)
class Uniques(Generic[E]):
    """A statistic kept as the number of distinct members, 0.81 % standard error, at most 12 KB a bucket."""

    name: str
    topic: Topic
    tile: str
    keys: str  # what its members are, in words
    members: Callable[[Sequence[E]], set[str]]
    grains: tuple[Grain, ...] = MINUTES_UP
    bound: str = "12 KB, 0.81 % standard error"


AnyFold = Counts[Any] | Uniques[Any]


def tally(names: Iterable[str | None]) -> Counter[str]:
    """How often each name is there, long ones cut; nobody's and empty ones are left out."""
    counted: Counter[str] = Counter()
    for name, number in Counter(names).items():  # few names, many clicks
        if name:
            counted[name[:LONGEST]] += number
    return hide_marks(counted)


def hide_marks(counted: Counter[str], *kinds: str) -> Counter[str]:
    """The same, where nobody's name looks like a bound of ours."""
    for kind in kinds or ("",):
        if kind + OFF in counted:
            counted[kind + OTHER] += counted.pop(kind + OFF)
    return counted


def named(fields: Mapping[str, int]) -> dict[str, int]:
    """The fields without (other) and (off)."""
    return {name: number for name, number in fields.items() if name.rpartition("|")[2] not in MARKS}


def paid(changes: Sequence[OrderChanged]) -> list[OrderChanged]:
    """The steps that make an order count."""
    return [change for change in changes if change.type == "order_paid"]
