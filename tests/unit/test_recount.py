"""The log counted anew gives what the live stream's folds give, bucket by bucket."""

import random
from datetime import UTC, datetime, timedelta

from dashboards.counting.batch import Figures, fold, read
from dashboards.counting.steps import FULL, SIZE, packed
from dashboards.proof.findings import Findings
from dashboards.proof.halfhour import Steps, compare_steps
from dashboards.proof.recount import Recount, recount
from shopsite.events.schemas import Click, StockChanged, encode
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


def test_days_that_reached_further_than_the_rest_count_so_far_each() -> None:
    """Two days end at other offsets, in the middle of a batch, beyond the one up to which all is certain."""
    records = clicks(600)
    midnight = int(NOW.replace(hour=0).timestamp())
    reached = {midnight - 86_400: 350, midnight: 550}
    events = read("clicks", 0, records, seq=0, now=NOW).events
    counting = [
        event
        for offset, event in enumerate(events)
        if offset < reached[midnight - 86_400 * (event.timestamp < NOW.replace(hour=0))]
    ]
    assert 350 < len(counting) < 550

    found = recount("clicks-0", iter([records[:300], records[300:]]), frozenset(), reached.__getitem__, 330)

    wanted = fold("clicks", counting).counts
    assert found.counts == {place: dict(some) for place, some in wanted.items() if place.grain != "s"}
    assert found.events == 600


def test_a_stock_event_of_others_counts_once_in_seven_days_and_older_ids_are_let_go() -> None:
    week, minute = 7 * 86_400_000, 60_000
    sent = [("A", 0), ("B", minute), ("A", week), ("C", week + minute), ("A", week + minute), ("B", 2 * week)]
    found = Recount("inventory-0")
    counted = []
    for offset, (event_id, clock) in enumerate(sent):
        value = encode(StockChanged(product_id="P", quantity_change=1, timestamp=NOW, event_id=event_id))
        before = units(found)
        found.add([LogRecord(offset, value, clock)], None, steps=False)
        counted.append(units(found) - before)

    assert counted == [1, 1, 0, 1, 1, 1]
    assert set(found._ids) == {"A", "B", "C"}
    found.add([LogRecord(len(sent), value, 9 * week)], None, steps=False)
    assert len(found._ids) == 1, "as many as came in seven days, however long the log is"


def units(found: Recount) -> int:
    """The change of stock in all."""
    return sum(fields.get("change|", 0) for fields in found.counts.values())


def test_of_a_minute_that_is_full_as_many_steps_are_compared_as_it_has() -> None:
    """Redis takes no more of it; a step among those it has that is another one is told all the same."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    full, next_ = (int((now - timedelta(minutes=ago)).timestamp()) for ago in (3, 2))
    many = FULL // SIZE + 5_000
    records = [
        LogRecord(
            n,
            encode(
                Click(
                    user_id=f"u{n}",
                    product_id="P",
                    timestamp=datetime.fromtimestamp(full if n < many else next_, UTC),
                )
            ),
        )
        for n in range(many + 100)
    ]
    log = packed(read("clicks", 0, records, seq=0, now=now).events, now)
    stored = Steps(len(records), {full: log[full][: FULL + SIZE], next_: log[next_]})

    found = recount(
        "clicks-0",
        (records[first : first + 1_000] for first in range(0, len(records), 1_000)),
        frozenset(),
        lambda _day: len(records),
        len(records),
        steps_until=len(records),
        steps_enough=stored.full(),
    )

    assert stored.full() == {full: FULL + SIZE}
    assert FULL < len(found.steps[full]) < len(log[full]), "no more were packed than that batch"
    assert differences(stored, found) == []
    changed = stored.minutes[full][:SIZE] + b"x" * SIZE + stored.minutes[full][2 * SIZE :]
    (difference,) = differences(Steps(stored.offset, {**stored.minutes, full: changed}), found)
    assert difference.endswith("1 missing, 1 that the log has not")


def differences(stored: Steps, found: Recount) -> list[str]:
    findings = Findings()
    compare_steps(findings, "clicks-0", stored, found.steps, ())
    return [str(check.stored) for check in findings.differences]
