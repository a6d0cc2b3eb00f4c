"""Make a batch of one partition's records into figures. Kafka records -> here -> fence.lua, audit.

Nothing here knows Redis or Kafka: the same two steps, read() and fold(), count the live stream and
recount the log. Events are grouped by second and minute once; hours and days are sums of minutes.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import NamedTuple, Protocol, cast

from dashboards.counting.delays import DELAY_MS, NEVER
from dashboards.folds import FOLDS
from dashboards.folds.base import AnyFold, Counts, Uniques
from dashboards.keys import WIDTH, Grain
from shopsite.events.inbox import RECORDING_HEADER, SEQ_HEADER, fallback_event_id, header, position
from shopsite.events.schemas import (
    Click,
    OrderChanged,
    PoisonEvent,
    StockChanged,
    read_clicks,
    read_order,
    read_stock,
)

Event = Click | OrderChanged | StockChanged
Headers = Sequence[tuple[str, bytes]]


class Record(Protocol):
    """What is used of a Kafka record."""

    @property
    def offset(self) -> int:
        """Its place in the partition."""

    @property
    def timestamp(self) -> int:
        """When it was sent, epoch ms."""

    @property
    def value(self) -> bytes | None:
        """The message."""

    @property
    def headers(self) -> Headers:
        """Such as the relay's `seq`."""


class Place(NamedTuple):
    """A bucket of one fold, within a partition."""

    grain: Grain
    start: int
    fold: str


class Foreign(NamedTuple):
    """A stock event of another system, which counts once per event id."""

    event: StockChanged
    clock_ms: int  # when it was sent: ids are recognised for 7 days of this clock


@dataclass(slots=True)
class Reading:
    """What the records of a batch came to."""

    events: list[Event] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    poison: list[tuple[int, str]] = field(default_factory=list)  # index of the record, reason
    aside: list[int] = field(default_factory=list)  # indexes of records that are dead letters already
    seq: int = 0  # the relay's highest number so far
    recorded: set[int] = field(default_factory=set)  # places in `events` of what a recording sent

    def told_at_once(self) -> Sequence[Event]:
        """Events whose sender did not wait: the age of a recorded one says nothing about our delay."""
        if not self.recorded:
            return self.events
        return [event for place, event in enumerate(self.events) if place not in self.recorded]


@dataclass(slots=True)
class Figures:
    """What a batch adds to each bucket. Buckets may share one mapping or set: never change it."""

    counts: dict[Place, Mapping[str, int]] = field(default_factory=dict)
    members: dict[Place, set[str]] = field(default_factory=dict)


def read(
    topic: str,
    partition: int,
    records: Sequence[Record],
    *,
    seq: int,
    now: datetime,
    aside: Container[str] = frozenset(),
) -> Reading:
    """The events that count, in the order of the log.

    seq: the relay's highest number folded before; ours at or below it were sent again and are skipped.
    aside: positions of clicks that are dead letters already.
    Clicks, which nobody knows by an id, stay without one where they come without.
    Bad orders and stock events are consume's to dead-letter; here they are only named.
    """
    reading = Reading(seq=seq)
    if topic == "clicks":
        _read_clicks(reading, partition, records, now, aside)
        return reading
    keep = _READERS[topic]
    # only stock events are known by their ids; a header may name one that the message lacks
    name = fallback_event_id if topic == "inventory" else _origin
    for index, record in enumerate(records):
        try:
            keep(reading, record, name(topic, partition, record.offset, record.headers), now)
        except PoisonEvent as error:
            reading.poison.append((index, str(error)))
    return reading


def _origin(topic: str, partition: int, offset: int, _headers: Headers) -> str:
    return position(topic, partition, offset)


def _read_clicks(
    reading: Reading, partition: int, records: Sequence[Record], now: datetime, aside: Container[str]
) -> None:
    """All at once: there are many, and nothing depends on the one before."""
    found = read_clicks([record.value for record in records], now=now)
    if aside:
        reading.aside = [
            index
            for index, record in enumerate(records)
            if position("clicks", partition, record.offset) in aside
        ]
    out = set(reading.aside)
    if PoisonEvent in set(map(type, found)):
        reading.poison = [
            (index, str(event))
            for index, event in enumerate(found)
            if isinstance(event, PoisonEvent) and index not in out
        ]
        out.update(index for index, _ in reading.poison)
    kept = [index for index in range(len(found)) if index not in out] if out else range(len(found))
    clicks = [found[index] for index in kept] if out else found
    reading.events = cast("list[Event]", clicks)  # no PoisonEvent is among them, nor asked for one by one
    reading.recorded = {
        place
        for place, index in enumerate(kept)
        if records[index].headers and header(records[index].headers, RECORDING_HEADER)
    }


def _keep_order(reading: Reading, record: Record, origin: str, now: datetime) -> None:
    """Only our own steps enter figures: what others placed is told again by our order worker."""
    if not _is_new(reading, _seq(record.headers)):
        return
    event = read_order(record.value, origin=origin, now=now)
    if isinstance(event, OrderChanged):
        reading.events.append(event)


def _keep_stock(reading: Reading, record: Record, origin: str, now: datetime) -> None:
    seq = _seq(record.headers)
    if seq is None:
        event = read_stock(record.value, origin=origin, now=now)
        reading.foreign.append(Foreign(event, record.timestamp))
    elif _is_new(reading, seq):
        reading.events.append(read_stock(record.value, origin=origin, now=now))


_READERS: dict[str, Callable[[Reading, Record, str, datetime], None]] = {
    "orders": _keep_order,
    "inventory": _keep_stock,
}


def _seq(headers: Headers) -> int | None:
    """The relay's number, None for what others sent."""
    for name, value in headers:
        if name == SEQ_HEADER and value.isdigit():
            return int(value)
    return None


def _is_new(reading: Reading, seq: int | None) -> bool:
    if seq is None or seq <= reading.seq:
        return False
    reading.seq = seq
    return True


# --- folding ----------------------------------------------------------------------------------
Groups = Mapping[int, Sequence[Event]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_moment = attrgetter("timestamp")


def by_topic(folds: Iterable[AnyFold]) -> dict[str, list[AnyFold]]:
    """The folds of each topic."""
    found: dict[str, list[AnyFold]] = defaultdict(list)
    for each in folds:
        found[each.topic].append(each)
    return found


FOLDS_OF = by_topic(FOLDS)


def fold(topic: str, events: Sequence[Event]) -> Figures:
    """What these events add to every bucket of every fold of their topic."""
    figures = Figures()
    people, bots = _split_bots(events) if topic == "clicks" else (events, [])
    groups = _by_time(people)
    bot_groups = _by_time(bots)
    for each in FOLDS_OF[topic]:
        if isinstance(each, Uniques):
            _add_members(figures, each, groups.minutes)
        else:
            _add_counts(figures, each, bot_groups if each.of_bots else groups)
    return figures


def fold_once(topic: str, events: Sequence[Event]) -> Figures:
    """What these events add to the minutes' counts and to the hours' sets, of which the others are made.

    For whoever counts many batches before he looks at any figure: see coarser().
    """
    figures = Figures()
    people, bots = _split_bots(events) if topic == "clicks" else (events, [])
    ordered = sorted(people, key=_moment)
    moments = [event.timestamp for event in ordered]
    minutes, hours = _cut(ordered, moments, 60), _cut(ordered, moments, WIDTH["h"])
    of_bots = _by_time(bots).minutes
    for each in FOLDS_OF[topic]:
        if isinstance(each, Uniques):
            for start, group in hours.items():
                if members := each.members(group):
                    figures.members[Place("h", start, each.name)] = members
            continue
        for start, group in (of_bots if each.of_bots else minutes).items():
            if fields := each.fields(group):
                figures.counts[Place("m", start, each.name)] = fields
    return figures


def _split_bots(clicks: Sequence[Event]) -> tuple[Sequence[Event], Sequence[Event]]:
    of_people = cast("Sequence[Click]", clicks)
    bots = [click for click in of_people if click.bot]
    return ([click for click in of_people if not click.bot], bots) if bots else (clicks, bots)


class _Groups(NamedTuple):
    seconds: Groups
    minutes: Groups


def _by_time(events: Sequence[Event]) -> _Groups:
    """The events of each second and minute. They are nearly in order: sorting and cutting is fastest."""
    ordered = sorted(events, key=_moment)
    moments = [event.timestamp for event in ordered]
    return _Groups(_cut(ordered, moments, 1), _cut(ordered, moments, 60))


def _cut(ordered: Sequence[Event], moments: Sequence[datetime], width: int) -> Groups:
    """The events of each bucket of that width."""
    return {start: ordered[first:end] for start, first, end in _spans(moments, width)}


def _spans(moments: Sequence[datetime], width: int) -> Iterator[tuple[int, int, int]]:
    """Start (epoch seconds) of each bucket that has moments, and where they begin and end; in order."""
    first = 0
    while first < len(moments):
        since = moments[first] - _EPOCH
        start = since.days * 86_400 + since.seconds
        start -= start % width
        end = bisect_left(moments, _EPOCH + timedelta(seconds=start + width), first)
        yield start, first, end
        first = end


def _add_counts(figures: Figures, each: Counts, groups: _Groups) -> None:  # type: ignore[type-arg]
    if "s" in each.grains:
        for second, group in groups.seconds.items():
            if found := each.fields(group):
                figures.counts[Place("s", second, each.name)] = found
    finest: dict[int, Mapping[str, int]] = {}
    for minute, group in groups.minutes.items():
        if found := each.fields(group):
            finest[minute] = found
    for grain in ("m", "h", "d"):
        finest = coarser(finest, WIDTH[grain])
        for start, found in finest.items():
            figures.counts[Place(grain, start, each.name)] = found


def coarser(buckets: Mapping[int, Mapping[str, int]], width: int) -> dict[int, Mapping[str, int]]:
    """The buckets summed into wider ones; one that is alone is passed on as it is."""
    parts: dict[int, list[Mapping[str, int]]] = defaultdict(list)
    for start, found in buckets.items():
        parts[start - start % width].append(found)
    return {start: some[0] if len(some) == 1 else total(some) for start, some in parts.items()}


def total(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """The sum of several mappings, field by field; zeros and negative numbers stay."""
    sums: dict[str, int] = {}
    get = sums.get
    for part in parts:
        for name, number in part.items():
            sums[name] = get(name, 0) + number
    return sums


def _add_members(figures: Figures, each: Uniques, minutes: Groups) -> None:  # type: ignore[type-arg]
    finest: dict[int, set[str]] = {}
    for minute, group in minutes.items():
        if found := each.members(group):
            finest[minute] = found
    for grain in ("m", "h", "d"):
        parts: dict[int, list[set[str]]] = defaultdict(list)
        for start, found in finest.items():
            parts[start - start % WIDTH[grain]].append(found)
        finest = {start: some[0] if len(some) == 1 else set().union(*some) for start, some in parts.items()}
        for start, found in finest.items():
            figures.members[Place(grain, start, each.name)] = found


# --- how late events were: a measurement of this process, so no fold of the log -----------------
_SLOWEST_FIRST = (NEVER, *(str(bound) for bound in reversed(DELAY_MS)))


def fold_delays(events: Sequence[Event], now: datetime) -> Figures:
    """A histogram of the time from event to aggregate: field: the upper bound in ms, or `inf`."""
    moments = sorted([event.timestamp for event in events])
    # of the moments from the n-th on, none is later than the n-th bound
    within = [bisect_left(moments, now - timedelta(milliseconds=bound)) for bound in reversed(DELAY_MS)]
    buckets: dict[int, Mapping[str, int]] = {
        second: _histogram(within, first, end) for second, first, end in _spans(moments, 1)
    }
    figures = Figures()
    for grain in ("s", "m", "h", "d"):
        buckets = coarser(buckets, WIDTH[grain])
        for start, found in buckets.items():
            figures.counts[Place(grain, start, "delay")] = found
    return figures


def _histogram(within: Sequence[int], first: int, end: int) -> dict[str, int]:
    """How many of the moments [first, end) fall under each bound: oldest, that is slowest, first."""
    found: dict[str, int] = {}
    for name, cut in zip(_SLOWEST_FIRST, [*within, end], strict=True):
        if (upto := min(cut, end)) > first:
            found[name] = upto - first
            first = upto
    return found
