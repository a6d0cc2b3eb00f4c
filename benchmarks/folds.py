"""What each fold costs Redis for a click of the storefront, and what the size of a batch does to it.

An embedded Redis alone takes the same clicks again and again, with one fold or with all, in batches as an
aggregator hands them over. CPU is Redis's own, beside that of a batch with no fold at all.
"""

import json
import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from aggregate_clicks import SECONDS, whole_click
from redis import Redis
from support import Figure, arguments, finish, redis_alone

USUAL, SIZES = 5_000, (1_000, 2_500, 5_000, 20_000)  # clicks a batch
TP = "clicks-0"


def made(count: int) -> list[Any]:
    """Clicks of the last minutes, as the log brings them."""
    from dashboards.counting.batch import read
    from tests.support.aggregates import LogRecord

    chosen, now = random.Random(6), datetime.now(UTC)
    since = now - timedelta(seconds=SECONDS + 60)
    values = [whole_click(chosen, since + timedelta(seconds=n / count * SECONDS)) for n in range(count)]
    records = [LogRecord(n, json.dumps(value).encode()) for n, value in enumerate(values)]
    return read("clicks", 0, records, seq=0, now=now).events


def cost(client: Redis, clicks: Sequence[Any], folds: Sequence[Any], size: int, *, whole: bool) -> float:
    """Redis's CPU of a click, us. whole: with steps, delays and who was seen lately, too."""
    from dashboards.counting import batch as batches
    from dashboards.counting.plan import Batch
    from dashboards.counting.steps import packed
    from dashboards.counting.store import Writer
    from dashboards.keys import first_keys

    client.flushall()
    writer = Writer(client, first_keys())
    writer.begin(TP)
    batches.FOLDS_OF["clicks"] = list(folds)
    used = redis_cpu(client)
    for first in range(0, len(clicks), size):
        some, now = clicks[first : first + size], datetime.now(UTC)
        batch = Batch(TP, first, first + len(some), fresh=not first, figures=[batches.fold("clicks", some)])
        if whole:
            batch.figures = [*batch.figures, batches.fold_delays(some, now)]
            batch.steps = packed(some, now)
            batch.seen = {click.user_id: int(click.timestamp.timestamp() * 1000) for click in some}
        writer.apply(batch)
    return (redis_cpu(client) - used) / len(clicks) * 1e6


def redis_cpu(client: Redis) -> float:
    """CPU seconds that Redis has used."""
    told: Any = client.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


def measure(client: Redis, *, quick: bool) -> list[Figure]:
    """All folds by the size of a batch, then one by one."""
    from dashboards.counting.batch import FOLDS_OF

    folds, clicks = list(FOLDS_OF["clicks"]), made(60_000 if quick else 200_000)
    figures = [
        Figure(f"Redis, batches of {size:,}", cost(client, clicks, folds, size, whole=True), "us a click")
        for size in SIZES
    ]
    nothing = cost(client, clicks, [], USUAL, whole=False)
    alone = {fold.name: cost(client, clicks, [fold], USUAL, whole=False) - nothing for fold in folds}
    alone["steps, delays, seen"] = cost(client, clicks, [], USUAL, whole=True) - nothing
    most = sorted(alone.items(), key=lambda pair: -pair[1])
    return figures + [Figure(f"{name}, batches of {USUAL:,}", us, "us a click") for name, us in most]


if __name__ == "__main__":
    options = arguments(__doc__ or "")
    with redis_alone() as redis_client:
        found = measure(redis_client, quick=options.quick)
    rounded = [Figure(one.name, round(one.value, 2), one.unit) for one in found]
    finish("folds", {"quick": options.quick, "cpus": os.cpu_count()}, rounded)
