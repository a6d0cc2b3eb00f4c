"""What a statistic is: a pure function of one bucket's events. batch.py runs those that the other files make.

A fold sees a list of events whose time lies in one second or minute and gives whole numbers by field
(Counts, summed when buckets are merged) or the members of a set (Uniques, counted by HyperLogLog).
It must not look at anything else, so that any order, any split into batches and any recount of the log
come to the same figures.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from dashboards.keys import Grain
from shopsite.events.schemas import Click, OrderChanged, StockChanged

E = TypeVar("E", Click, OrderChanged, StockChanged)
Topic = Literal["clicks", "orders", "inventory"]
MINUTES_UP: tuple[Grain, ...] = ("m", "h", "d")
SECONDS_UP: tuple[Grain, ...] = ("s", "m", "h", "d")
OTHER = "(other)"  # where a capped fold counts what came after its bucket was full


@dataclass(frozen=True, kw_only=True)
class Counts(Generic[E]):
    """A statistic kept as whole numbers by field."""

    name: str  # last part of its keys; folds of several topics may share one
    topic: Topic
    tile: str  # what shows it
    fields: Callable[[Sequence[E]], Mapping[str, int]]
    grains: tuple[Grain, ...] = MINUTES_UP
    cap: int = 0  # most fields of one partition's bucket, the rest is counted as (other); 0: no cap
    of_bots: bool = False  # given the clicks of bots instead of those of people


@dataclass(frozen=True, kw_only=True)
class Uniques(Generic[E]):
    """A statistic kept as the number of distinct members, 0.81 % standard error, at most 12 KB a bucket."""

    name: str
    topic: Topic
    tile: str
    members: Callable[[Sequence[E]], Iterable[str]]
    grains: tuple[Grain, ...] = MINUTES_UP


AnyFold = Counts[Any] | Uniques[Any]


def paid(changes: Sequence[OrderChanged]) -> list[OrderChanged]:
    """The steps that make an order count."""
    return [change for change in changes if change.type == "order_paid"]
