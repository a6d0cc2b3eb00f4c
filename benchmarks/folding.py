"""One aggregator that folds what is there and tells how fast: a child of aggregate.py.

Called with `narrow` or `all`, how many events to fold, and how many partitions are its share. Prints one
line of JSON: events, seconds and CPU seconds from its first batch to its last, and the peak of its memory.
"""

import json
import os
import resource
import select
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboards.counting.aggregate import Aggregator

ROOT = Path(__file__).resolve().parents[1]
NOTHING_FOR_S = 15.0  # then the others have folded the rest


def keep_one_fold() -> None:
    """The narrow job: clicks by product and minute, and nothing else."""
    from dashboards.counting import batch
    from dashboards.folds.base import Counts
    from shopsite.events.schemas import Click

    def products(clicks: Sequence[Click]) -> Counter[str]:
        return Counter([click.product_id for click in clicks if click.product_id])

    narrow = Counts(name="events", topic="clicks", tile="", keys="product", fields=products, grains=("m",))
    batch.FOLDS_OF.clear()
    batch.FOLDS_OF["clicks"] = [narrow]


def wait_for_word(aggregator: "Aggregator", share: int) -> None:
    """Join the group, say so, wait for a line of standard input; what is read until then is read again."""
    consumer = aggregator._connected()
    said = False
    while not said or not select.select([sys.stdin], [], [], 0)[0]:
        consumer.poll(timeout_ms=50, max_records=1)
        if not said and len(consumer.assignment()) == share:
            print("ready", flush=True)
            said = True
    aggregator.forget()


def main() -> None:
    """Fold until so many events are folded."""
    job, events, share = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "shopsite.settings"
    import django

    django.setup()
    from dashboards.counting.aggregate import Aggregator

    if job == "narrow":
        keep_one_fold()
    aggregator = Aggregator()
    wait_for_word(aggregator, share)
    folded, begun, cpu, used = 0, 0.0, 0.0, 0.0
    last = time.perf_counter()
    while folded < events:
        before = time.perf_counter(), time.process_time()
        some = aggregator.step()
        if some:
            if not folded:
                begun, cpu = before
            folded += some
            last, used = time.perf_counter(), time.process_time() - cpu  # idle rounds are no work
        elif time.perf_counter() - last > NOTHING_FOR_S:
            break
    aggregator.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told = {
        "events": folded,
        "seconds": last - begun,
        "cpu": used,
        "begun": begun,
        "last": last,
        "megabytes": memory,
    }
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
