"""Names, buckets and fields: what is built can be taken apart again."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.keys import (
    GRAINS,
    WIDTH,
    Bucket,
    Grain,
    Keys,
    bucket,
    generation_keys,
    micros,
    money,
    partition_name,
    split_field,
    split_partition,
    split_revenue,
)

KEYS = Keys("shop:")


@given(
    st.sampled_from(GRAINS), st.integers(0, 4_000_000_000), st.sampled_from(["events", "funnel.view_item"])
)
def test_a_buckets_key_is_read_back(grain: Grain, start: int, fold: str) -> None:
    key = KEYS.bucket("clicks-11", grain, start, fold)
    assert KEYS.parse(key) == KEYS.parse(key.encode()) == Bucket("clicks-11", grain, start, fold)


def test_only_buckets_of_the_own_generation_are_read_back() -> None:
    next_ = generation_keys(1)
    key = next_.bucket("clicks-0", "m", 60, "events")
    assert next_.parse(key) == Bucket("clicks-0", "m", 60, "events")
    assert generation_keys(0).parse(key) is None
    for other in (KEYS.offset("clicks-0"), KEYS.recent("clicks-0"), KEYS.partitions, "shop:beat:web:1"):
        assert KEYS.parse(other) is None


def test_all_keys_of_a_partition_share_its_hash_tag() -> None:
    tp = "orders-2"
    names = [KEYS.offset(tp), KEYS.seq(tp), KEYS.ids(tp), KEYS.gaps(tp), KEYS.misfits(tp), KEYS.days(tp)]
    names += [KEYS.seen(tp), KEYS.recent(tp), KEYS.bucket(tp, "s", 0, "events"), KEYS.index(tp, "d", 0)]
    assert {name[name.index("{") : name.index("}") + 1] for name in names} == {"{orders-2}"}
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(("grain", "width"), WIDTH.items())
def test_a_bucket_holds_its_first_moment_and_not_its_end(grain: Grain, width: int) -> None:
    start = bucket(datetime(2024, 6, 18, 12, 54, 56, 999999, tzinfo=UTC), grain)
    assert start % width == 0
    assert bucket(start, grain) == bucket(start + width - 0.001, grain) == start
    assert bucket(start + width, grain) == start + width


def test_a_bucket_is_by_utc_whatever_zone_the_time_names() -> None:
    at = datetime(2024, 6, 18, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert bucket(at, "d") == bucket(datetime(2024, 6, 17, 23, 30, tzinfo=UTC), "d")


@given(st.decimals(0, 10**9, places=6, allow_nan=False))
def test_money_survives_the_way_through_micros(amount: Decimal) -> None:
    assert Decimal(money(micros(amount))) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (12_500_000, "12.50"), (125_000, "0.125"), (-896_812_490_000, "-896812.49")],
)
def test_money_is_shown_exactly(amount: int, text: str) -> None:
    assert money(amount) == text


def test_names_with_bars_and_dashes_are_taken_apart_at_the_right_place() -> None:
    assert split_field("v|A|B") == ("v", "A|B")
    assert split_revenue(split_field("r|EUR|A|B")[1]) == ("EUR", "A|B")
    assert split_partition(partition_name("clicks", 12)) == ("clicks", 12)
