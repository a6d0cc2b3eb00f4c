"""The log counted anew gives what the live stream's folds give, bucket by bucket."""

import random
from datetime import UTC, datetime, timedelta

from dashboards.counting.batch import Figures, fold, read
from dashboards.proof.recount import Recount
from shopsite.events.schemas import Click, encode
from tests.support.aggregates import LogRecord

NOW = datetime(2024, 3, 2, 2, tzinfo=UTC)


def clicks(count: int) -> list[LogRecord]:
    """Of five hours around midnight, nearly in order, some of bots."""
    dice, since = random.Random(3), NOW - timedelta(hours=5)
    return [
        LogRecord(
            offset,
            encode(
                Click(
                    user_id=f"u{dice.randrange(40)}",
                    product_id=f"P{dice.randrange(9)}",
                    timestamp=since + timedelta(seconds=offset * 18_000 / count + dice.randrange(90)),
                    session_id=f"s{dice.randrange(60)}",
                    country=dice.choice(["DE", "GB", None]),
                    bot=dice.random() < 0.1,
                )
            ),
        )
        for offset in range(count)
    ]


def counted(records: list[LogRecord], size: int) -> Recount:
    found = Recount("clicks-0", now=NOW)
    for first in range(0, len(records), size):
        found.add(records[first : first + size], None, steps=False)
    found.add_up()
    return found


def folded(records: list[LogRecord]) -> Figures:
    return fold("clicks", read("clicks", 0, records, seq=0, now=NOW).events)


def test_whatever_the_batches_a_recount_is_what_one_fold_gives() -> None:
    records = clicks(600)
    all_at_once = folded(records)
    counts = {place: dict(some) for place, some in all_at_once.counts.items() if place.grain != "s"}
    members = {place: some for place, some in all_at_once.members.items() if place.grain != "m"}
    assert {place.grain for place in counts} == {"m", "h", "d"}

    for size in (1, 50, 600):
        again = counted(records, size)
        assert (again.counts, again.members) == (counts, members)
