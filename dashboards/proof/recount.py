"""Count a partition of the log anew, as far as Redis has folded it. Kafka -> log.py -> here -> audit.py.

The same read() and folds as the live stream's; but no fence, no Redis, no memory of the process. Counted are
minutes, and sets of hours, once; all else is added up of these at the end.
"""

import math
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

from dashboards.counting.batch import Event, Figures, Place, coarser, fold_once, read
from dashboards.counting.steps import packed
from dashboards.keys import IDS_MS, WIDTH, Grain, bucket, split_partition

_offset = attrgetter("offset")


@dataclass
class Recount:
    """What the log says of one partition."""

    tp: str
    aside: Container[str] = frozenset()  # positions of dead letters
    counts: dict[Place, dict[str, int]] = field(default_factory=dict)
    members: dict[Place, set[str]] = field(default_factory=dict)  # of hours and days
    seq: int = 0
    unreadable: list[int] = field(default_factory=list)  # offsets
    events: int = 0  # how many messages were read
    # steps are of the half hour before it
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    steps: dict[int, bytearray] = field(default_factory=lambda: defaultdict(bytearray))  # by minute's start
    enough: Mapping[int, int] = field(default_factory=dict)  # by minute, too: so many bytes of steps do
    _closed: set[int] = field(default_factory=set)  # minutes that have so many
    # stock events of others -> clock, as in fence.lua: those of the 7 days before it, oldest first
    _ids: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _clock: int = 0

    def add(self, records: Sequence[Any], wanted: Callable[[int], bool] | None, *, steps: bool) -> None:
        """Count the records' events, those of wanted days (epoch seconds; None: all). steps: these, too."""
        self.events += len(records)
        topic, number = split_partition(self.tp)
        reading = read(topic, number, records, seq=self.seq, now=datetime.now(UTC), aside=self.aside)
        self.seq = reading.seq
        if steps:
            self._pack(reading.events)
        bad = [*reading.aside, *(index for index, _ in reading.poison)]
        self.unreadable += [records[index].offset for index in bad]
        known: list[Event] = [
            event for event, clock in reading.foreign if self._is_new(event.event_id, clock)
        ]
        events: Sequence[Event] = [*reading.events, *known] if known else reading.events
        if wanted is not None:
            events = [event for event in events if wanted(bucket(event.timestamp, "d"))]
        self._add(fold_once(topic, events))

    def _pack(self, events: Sequence[Event]) -> None:
        for minute, text in packed(events, self.now, self._closed).items():
            self.steps[minute] += text
            if len(self.steps[minute]) >= self.enough.get(minute, math.inf):
                self._closed.add(minute)

    def _is_new(self, event_id: str, clock_ms: int) -> bool:
        self._clock = max(self._clock, clock_ms)
        while self._ids and self._clock - next(iter(self._ids.values())) > IDS_MS:
            self._ids.popitem(last=False)
        if event_id in self._ids:
            return False
        self._ids[event_id] = self._clock
        return True

    def _add(self, figures: Figures) -> None:
        for place, fields in figures.counts.items():
            sums = self.counts.setdefault(place, {})
            for name, number in fields.items():
                sums[name] = sums.get(name, 0) + number
        for place, members in figures.members.items():
            self.members.setdefault(place, set()).update(members)

    def add_up(self) -> None:
        """Make hours and days of the minutes, and days of the hours' sets. When all is counted, once."""
        minutes: dict[str, dict[int, Mapping[str, int]]] = defaultdict(dict)
        for (_, start, fold), fields in self.counts.items():
            minutes[fold][start] = fields
        grains: tuple[Grain, ...] = ("h", "d")
        for fold, finest in minutes.items():
            for grain in grains:
                finest = coarser(finest, WIDTH[grain])
                self.counts.update({Place(grain, start, fold): dict(some) for start, some in finest.items()})
        for (_, start, fold), members in list(self.members.items()):
            day = Place("d", bucket(start, "d"), fold)
            self.members.setdefault(day, set()).update(members)


def recount(
    tp: str,
    batches: Iterator[list[Any]],
    aside: Container[str],
    cut: Callable[[int], int],
    certain: int,
    days: range | None = None,
    steps_until: int = 0,
    steps_enough: Mapping[int, int] | None = None,
) -> Recount:
    """Count the records of a partition.

    cut: the offset up to which the events of a day (epoch seconds) count. certain: up to here they all do.
    days: starts of the days (epoch seconds) that are wanted; None: all.
    steps_until: the offset up to which steps are packed. steps_enough: so many bytes of a minute's do.
    """
    wanted = None if days is None else days.__contains__
    found = Recount(tp, aside, enough=steps_enough or {})
    for records in batches:
        sure = bisect_left(records, certain, key=_offset)
        if sure:
            found.add(records[:sure], wanted, steps=records[sure - 1].offset < steps_until)
        for record in records[sure:]:  # what came while the days were read, one by one
            found.add([record], _before(cut, record.offset, days), steps=record.offset < steps_until)
    found.add_up()
    return found


def _before(cut: Callable[[int], int], offset: int, days: range | None) -> Callable[[int], bool]:
    return lambda day: offset < cut(day) and (days is None or day in days)
