"""What a recording holds, before anything of it is sent. formats/ -> here -> replay.py."""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from shopsite.events.schemas import Click, OrderPlaced
from shopsite.traffic.formats import Format
from shopsite.traffic.recordings import Event, Recorded, Recording, Tally, WrongFile

# Events held back to put a recording of sessions into the order of time: about 40 MB.
HELD_FOR_ORDER = 50_000
EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)
SPARE = 0.1  # of the opening stock: what is left when everything recorded was sold


@dataclass
class Survey:
    """Counts of one whole reading."""

    tally: Tally = field(default_factory=Tally)
    kinds: Counter[str] = field(default_factory=Counter)  # events by kind, as the summary names them
    demand: Counter[str] = field(default_factory=Counter)  # product -> units that leave the stock
    first: datetime = LATEST
    last: datetime = EARLIEST
    has_clicks: bool = False

    @property
    def events(self) -> int:
        """How many events there are."""
        return self.kinds.total()

    def opening(self) -> dict[str, int]:
        """Product -> opening stock: what the recording takes out, and a tenth more."""
        return {product: units + math.ceil(units * SPARE) for product, units in sorted(self.demand.items())}

    def note(self, event: Event) -> None:
        """Count one event."""
        self.first = min(self.first, event.timestamp)
        self.last = max(self.last, event.timestamp)
        self.kinds[kind_of(event)] += 1
        if isinstance(event, Click):
            self.has_clicks = True
        elif not isinstance(event, OrderPlaced):
            self.demand[event.product_id] += max(0, -event.quantity_change)
        elif event.status != "refunded":
            for line in event.order_lines():
                self.demand[line.product_id] += line.quantity


def kind_of(event: Event) -> str:
    """What an event is called in a summary: a click's type, orders, refunds, or stock and its reason."""
    if isinstance(event, Click):
        return event.type
    if isinstance(event, OrderPlaced):
        return "refunds" if event.status == "refunded" else "orders"
    return f"stock_{event.reason or 'change'}"


def survey(recording: Recording, of: Format) -> Survey:
    """Read a recording to its end. Raises WrongFile where there is no event in it."""
    found = Survey()
    for recorded in of.read(recording, found.tally):
        found.note(recorded.event)
    if not found.events:
        reasons = found.tally.first_invalid or found.tally.first_skipped
        why = f": line {reasons[0][0]}: {reasons[0][1]}" if reasons else ""
        raise WrongFile(f"{recording.path} has no line that is an event{why}.")
    return found


def in_order(recording: Recording, of: Format) -> Iterator[Recorded]:
    """The events of a recording for sending: the same order each time, by time as far as memory allows."""
    events = of.read(recording, Tally())
    return events if of.in_order else by_time(events, HELD_FOR_ORDER)


def by_time(events: Iterable[Recorded], held: int) -> Iterator[Recorded]:
    """The events sorted by time, where none is more than `held` places from where it belongs."""
    heap: list[tuple[datetime, int, Recorded]] = []
    for number, recorded in enumerate(events):
        entry = (recorded.event.timestamp, number, recorded)  # the number settles ties
        if len(heap) < held:
            heapq.heappush(heap, entry)
        else:
            yield heapq.heappushpop(heap, entry)[2]
    while heap:
        yield heapq.heappop(heap)[2]
