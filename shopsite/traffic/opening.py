"""Stock for what a recording sells, before it does. replay.py, history.py -> here -> inventory topic.

Topics are not ordered among each other, so the events are waited for until the ledger has them.
"""

import threading
import time
from collections.abc import Mapping
from datetime import datetime

from inventory.models import Movement
from shopsite.events.schemas import StockChanged, Unavailable
from shopsite.traffic.progress import Progress
from shopsite.traffic.publishing import Publisher
from shopsite.traffic.recordings import Interrupted

REASON = "opening"
NOBODY_SECONDS = 60.0  # without one event applied for so long, nobody is there to apply them
ASKED_AT_ONCE = 500  # ids in one query; some builds of SQLite take 999
ASK_SECONDS = 0.2


def open_stock(
    publisher: Publisher, *, digest: str, stock: Mapping[str, int], at: datetime, stop: threading.Event
) -> int:
    """Send the opening stock of each product once in a recording's life, and wait until it is there.

    stock: product -> units. Returns how many products got theirs now.
    Raises Unavailable, Interrupted.
    """
    events = {
        f"{digest[:24]}-opening-{number}": (product, units)
        for number, (product, units) in enumerate(sorted(stock.items()), start=1)
    }
    missing = [event_id for some in _chunks(list(events)) for event_id in not_in_ledger(some)]
    for event_id in missing:
        product, units = events[event_id]
        change = StockChanged(
            event_id=event_id, product_id=product, quantity_change=units, timestamp=at, reason=REASON
        )
        publisher.send(*publisher.place("inventory", product), change)
    publisher.settle()
    _wait_for_ledger(missing, stop)
    return len(missing)


def not_in_ledger(event_ids: list[str]) -> list[str]:
    """Those of the events, at most ASKED_AT_ONCE, that the ledger does not have."""
    there = set(Movement.objects.filter(event_id__in=event_ids).values_list("event_id", flat=True))
    return [event_id for event_id in event_ids if event_id not in there]


def _chunks(event_ids: list[str]) -> list[list[str]]:
    return [event_ids[at : at + ASKED_AT_ONCE] for at in range(0, len(event_ids), ASKED_AT_ONCE)]


def _wait_for_ledger(event_ids: list[str], stop: threading.Event) -> None:
    """Wait until the ledger has all of the events. Raises Interrupted; Unavailable where nothing moves."""
    progress = Progress("Opening stock", len(event_ids))
    done = 0
    for chunk in _chunks(event_ids):
        left, moved_at = len(chunk), time.monotonic()
        while still := len(not_in_ledger(chunk)):
            if still < left:
                left, moved_at = still, time.monotonic()
            elif time.monotonic() - moved_at > NOBODY_SECONDS:
                raise Unavailable(
                    f"the opening stock is in Kafka, but nobody has applied it for {NOBODY_SECONDS:.0f} s: "
                    "start consume and worker, then run this again"
                )
            progress.at(done + len(chunk) - still)
            if stop.wait(ASK_SECONDS):
                raise Interrupted
        done += len(chunk)
    progress.end(done)
