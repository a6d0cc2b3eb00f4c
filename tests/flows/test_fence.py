"""The fence: a batch counts once, whoever folds it and whatever Redis forgot."""

from datetime import timedelta

import pytest
import redis as redis_package
from django.conf import LazySettings

from dashboards.counting.aggregate import Part, fold_batch
from dashboards.counting.batch import read
from dashboards.counting.plan import Batch
from dashboards.counting.steps import SIZE
from dashboards.counting.store import count_union, read_position, sum_hashes
from dashboards.keys import first_keys
from dashboards.past.borders import ceil, floor, split
from dashboards.reports.selectors import read_gaps
from tests.support.aggregates import (
    NOW,
    Log,
    click,
    everything,
    fold_one,
    log_of,
    numbered,
    paid,
    stock,
    writer_of,
)

Redis = redis_package.Redis
MINUTE = 1_718_715_240  # 2024-06-18T12:54:00Z


def counted(client: Redis, tp: str, fold: str) -> dict[str, int]:
    return sum_hashes(client, [[first_keys().bucket(tp, "m", MINUTE, fold)]])[0]


def test_of_two_owners_of_a_partition_one_counts(redis: Redis) -> None:
    log = log_of("clicks-0", [click(f"u{n}") for n in range(10)])
    first, second = writer_of(redis), writer_of(redis)
    part_of_first, part_of_second = log.part(first), log.part(second)

    assert fold_one(first, part_of_first, log.records[:5])
    assert not fold_one(second, part_of_second, log.records[:7])
    log.fold(second)
    assert not fold_one(first, part_of_first, log.records[5:])

    assert counted(redis, "clicks-0", "events") == {"view_item": 10}


def test_an_emptied_redis_is_folded_again_from_the_log(redis: Redis) -> None:
    log = log_of("clicks-0", [click(f"u{n % 4}") for n in range(20)])
    writer = writer_of(redis)
    log.fold(writer)
    before = everything(redis)
    part = log.part(writer)
    redis.delete(*redis.scan_iter(match=f"{first_keys().prefix}*"))

    log.records += log_of("clicks-0", [click("u9")]).records[:1]
    log.records[-1] = log.records[-1]._replace(offset=20)
    assert not fold_one(writer, part, log.records[20:])
    log.records.pop()
    log.fold(writer)

    assert everything(redis) == before, "sets are sent whole again, too"


def test_a_snapshot_that_was_restored_is_carried_on(redis: Redis) -> None:
    log = log_of("clicks-0", [click(f"u{n % 4}") for n in range(20)])
    writer = writer_of(redis)
    log.fold(writer, [20])
    whole = everything(redis)
    redis.delete(*redis.scan_iter(match=f"{first_keys().prefix}*"))
    Log("clicks-0", log.records[:7]).fold(writer_of(redis))

    log.fold(writer)

    assert everything(redis) == whole


def test_where_folding_began_is_remembered_until_redis_is_emptied(redis: Redis) -> None:
    log = Log(
        "clicks-0",
        [record._replace(offset=record.offset + 7) for record in log_of("clicks-0", [click()] * 4).records],
        start=7,
    )
    log.fold(writer_of(redis), [2])

    assert redis.get(first_keys().begun("clicks-0")) == b"7"


def test_a_gap_is_recorded_once_and_only_from_what_is_stored(redis: Redis) -> None:
    log = log_of("clicks-0", [click()])
    log.fold(writer_of(redis))

    assert not writer_of(redis).apply(Batch("clicks-0", 0, 9, gap=True))
    assert writer_of(redis).apply(Batch("clicks-0", 1, 9, gap=True))

    assert read_position(redis, first_keys(), "clicks-0").offset == 9
    assert read_gaps(redis, first_keys(), "clicks-0") == [(1, 9)]


def test_what_the_relay_sends_again_counts_once(redis: Redis) -> None:
    log = numbered("orders-0", [paid("a", "10"), paid("b", "20"), paid("c", "0.125")])
    again = [record._replace(offset=record.offset + 2) for record in log.records[1:]]

    Log("orders-0", log.records + again).fold(writer_of(redis), [2])

    assert counted(redis, "orders-0", "orders") == {"orders": 3, "lines": 3, "units": 6}
    assert counted(redis, "orders-0", "revenue") == {"GBP": 30_125_000}


def test_orders_of_others_and_orders_not_paid_enter_no_figure(redis: Redis) -> None:
    placed = {
        "order_id": "a",
        "user_id": "u",
        "product_ids": ["p"],
        "amount": 9,
        "timestamp": "2024-06-18T12:54:56Z",
    }
    log_of("orders-0", [placed, paid("faked", "5")]).fold(writer_of(redis))
    numbered("orders-1", [placed, paid("b", "7", type="order_payment_failed", status="payment_failed")]).fold(
        writer_of(redis)
    )

    assert everything(redis).keys() == {
        f"{{orders-1}}:{grain}:{start}:changes"
        for grain, start in (("m", MINUTE), ("h", floor(MINUTE, 3600)), ("d", floor(MINUTE, 86400)))
    }


def test_a_stock_event_of_another_system_counts_once_in_seven_days(redis: Redis) -> None:
    week = 7 * 86_400_000
    log = log_of(
        "inventory-0", [stock("p", 5, "a"), stock("p", 5, "a"), stock("p", -2, "b"), stock("p", 5, "a")]
    )
    sent = [0, 10, 20, week + 1]
    log.records = [
        record._replace(timestamp=record.timestamp + later)
        for record, later in zip(log.records, sent, strict=True)
    ]

    log.fold(writer_of(redis), [3, 1])

    assert counted(redis, "inventory-0", "stock") == {"events|supplier": 3, "change|supplier": 8}


def test_our_own_stock_events_need_no_id(redis: Redis) -> None:
    log = numbered("inventory-0", [stock("p", -1, "a", reason="sale"), stock("p", -1, "a", reason="sale")])
    log.fold(writer_of(redis))

    assert counted(redis, "inventory-0", "stock") == {"events|sale": 2, "change|sale": -2}


def test_bots_are_counted_apart(redis: Redis) -> None:
    log_of("clicks-0", [click(), click("bot", bot=True)]).fold(writer_of(redis))

    assert counted(redis, "clicks-0", "events") == {"view_item": 1}
    assert counted(redis, "clicks-0", "bots") == {"view_item": 1}
    assert counted(redis, "clicks-0", "products") == {"v|p1": 1}
    assert count_union(redis, [[first_keys().bucket("clicks-0", "d", floor(MINUTE, 86400), "visitors")]]) == 1


def test_a_sum_that_does_not_fit_is_named_and_stops_nothing(redis: Redis) -> None:
    key = first_keys().bucket("orders-0", "m", MINUTE, "revenue")
    redis.hset(key, "GBP", 2**63 - 10)

    numbered("orders-0", [paid("a", "999999999.999999"), paid("b", "1")]).fold(writer_of(redis))

    assert read_position(redis, first_keys(), "orders-0").offset == 2
    assert redis.hkeys(first_keys().misfits("orders-0")) == [f"{key} GBP".encode()]
    assert counted(redis, "orders-0", "orders")["orders"] == 2


def test_money_beyond_a_double_stays_exact(redis: Redis) -> None:
    orders = [paid(str(n), "999999999.999999") for n in range(30)]
    log = numbered("orders-0", orders)
    log.fold(writer_of(redis), [30])

    assert counted(redis, "orders-0", "revenue") == {"GBP": 30 * 999_999_999_999_999}


@pytest.mark.parametrize("stored", [10**15 - 9, 10**15, 2**53 - 3, 2**53 + 1, 9 * 10**17, -(10**15) - 3])
def test_sums_are_exact_where_a_double_is_not(redis: Redis, stored: int) -> None:
    key = first_keys().bucket("orders-0", "m", MINUTE, "revenue")
    redis.hset(key, "GBP", stored)

    numbered("orders-0", [paid("a", "0.000007"), paid("b", "0.000008")]).fold(writer_of(redis), [1])

    assert redis.hget(key, "GBP") == str(stored + 15).encode()


def test_every_bucket_ends_by_itself(redis: Redis, settings: LazySettings) -> None:
    numbered("orders-0", [paid("a", "1")]).fold(writer_of(redis))
    log_of("clicks-0", [click()]).fold(writer_of(redis))
    numbered("inventory-0", [stock("p", 1, "a")]).fold(writer_of(redis))
    kept = {"s": 900, "m": 48 * 3600, "h": 90 * 86400, "d": 3 * 366 * 86400}

    for raw in redis.scan_iter(match=f"{first_keys().prefix}*"):
        place = first_keys().parse(raw)
        if place is not None or b":index" in raw:
            grain = raw.decode().split(":")[-3]
            assert kept[grain] - 60 <= redis.ttl(raw) <= kept[grain], raw


@pytest.mark.parametrize(
    ("span", "parts"),
    [
        ((600, 1200), ((600, 1200), (1200, 1200), (1200, 1200))),
        ((600, 7800), ((600, 3600), (3600, 7200), (7200, 7800))),
        ((3600, 7200), ((3600, 3600), (3600, 7200), (7200, 7200))),
        ((3000, 4000), ((3000, 3600), (3600, 3600), (3600, 4000))),
    ],
)
def test_a_span_falls_into_whole_buckets_and_what_is_left(
    span: tuple[int, int], parts: tuple[tuple[int, int], ...]
) -> None:
    assert split(span, 3600) == parts
    assert (floor(3600.5, 60), ceil(3600.5, 60), ceil(3600, 60)) == (3600, 3660, 3600)


def test_what_was_set_aside_stays_out_when_it_could_be_read_later() -> None:
    log = log_of("clicks-0", [click(), click(at="2024-06-18T14:00:00Z"), click()])
    at_first = read("clicks", 0, log.records, seq=0, now=NOW)
    assert [index for index, _ in at_first.poison] == [1]

    later = read("clicks", 0, log.records, seq=0, now=NOW + timedelta(days=1), aside={"clicks:0:1"})

    assert (later.events, later.poison, later.aside) == (at_first.events, [], [1])


def test_a_partition_that_was_never_folded_has_no_position(redis: Redis) -> None:
    assert log_of("clicks-0", []).part(writer_of(redis)) == Part("clicks-0", "clicks", 0, fresh=True)


def test_sets_that_take_in_others_hold_what_they_would_be_told(redis: Redis) -> None:
    """A large batch tells members to minutes only, small ones to each bucket: a half hour around an hour."""
    since = NOW.replace(hour=11, minute=40)
    log = log_of(
        "clicks-0",
        [
            click(f"u{n * 7 % 1900}", timestamp=(since + timedelta(seconds=n * 0.5)).isoformat())
            for n in range(4_000)
        ],
    )
    commands = redis.info("commandstats").get("cmdstat_pfmerge", {"calls": 0})["calls"]
    log.fold(writer_of(redis), sizes=[100])
    assert redis.info("commandstats").get("cmdstat_pfmerge", {"calls": 0})["calls"] == commands
    told = everything(redis)
    redis.delete(*redis.scan_iter(match=f"{first_keys().prefix}*"))

    log.fold(writer_of(redis), sizes=[3_000, 20, 980])

    assert redis.info("commandstats")["cmdstat_pfmerge"]["calls"] > commands
    assert everything(redis) == told


def test_no_more_is_packed_of_a_minute_that_is_full(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch that fills it is the last, as in fence.lua; whoever begins anew knows nothing of it."""
    monkeypatch.setattr("dashboards.counting.aggregate.FULL", 3 * SIZE)
    log = log_of("clicks-0", [click(f"u{n}", at="2024-06-18T12:54:56Z") for n in range(9)])
    part, minute = log.part(writer := writer_of(redis)), 1_718_715_240
    sent = []
    for record in log.records:
        batch, _ = fold_batch(part, [record], record.offset + 1, NOW)
        assert writer.apply(batch)
        part.follow(batch)
        sent.append(len(batch.steps.get(minute, b"")))
    assert sent == [SIZE] * 4 + [0] * 5
    assert redis.strlen(first_keys().steps("clicks-0", minute)) == 4 * SIZE
    assert log.part(writer).full_minutes() == set()


def people_over_minutes(count: int) -> list[dict[str, object]]:
    """Clicks of 200 people, one a second around an hour's end, each again and again."""
    since = NOW.replace(hour=11, minute=50)
    moments = [(since + timedelta(seconds=n)).isoformat() for n in range(count)]
    return [click(f"u{n * 7 % 200}", timestamp=at) for n, at in enumerate(moments)]


def test_whoever_a_minute_knows_is_told_to_none_of_its_sets_again(redis: Redis) -> None:
    writer = writer_of(redis)
    log = log_of("clicks-0", people_over_minutes(60))
    log.fold(writer)
    told = redis.info("commandstats")["cmdstat_pfadd"]["calls"]
    log_of("clicks-0", [*people_over_minutes(60), *people_over_minutes(60)]).fold(writer)
    assert redis.info("commandstats")["cmdstat_pfadd"]["calls"] == told


def test_whoever_was_forgotten_is_told_again_and_counts_once(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = log_of("clicks-0", people_over_minutes(1_200))
    log.fold(writer_of(redis))
    remembered = everything(redis)
    redis.delete(*redis.scan_iter(match=f"{first_keys().prefix}*"))
    monkeypatch.setattr("dashboards.counting.store.REMEMBERED", 70)

    log.fold(writer := writer_of(redis), sizes=[50, 1])

    assert everything(redis) == remembered
    assert sum(map(len, writer._sent.values())) == writer._remembered <= 70
    writer.forget("clicks-0")
    assert writer._remembered == 0
