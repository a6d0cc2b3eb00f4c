"""Full lists: exact sums, frequent names kept, and an error that is stated and holds."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from dashboards.counting import plan
from dashboards.counting.capped import beyond, shorten, totals
from dashboards.counting.store import sum_hashes
from dashboards.folds.base import OFF, OTHER, Cap
from dashboards.keys import ENDLESS, bucket, first_keys
from tests.support.aggregates import NOW, click, log_of, numbered, paid, stock, writer_of

SMALL = Cap(6, 8, 10)
names = st.lists(st.sampled_from("aaaaaabbbccdefghijklmno"), max_size=60)
sizes = st.lists(st.integers(1, 9), min_size=1, max_size=4)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {name: limit._replace(cap=SMALL) for name, limit in plan.CAPS.items()}
    monkeypatch.setattr(plan, "CAPS", limits)


def stored(redis: Redis, fold: str, tp: str = "clicks-0") -> dict[str, int]:
    return sum_hashes(redis, [[first_keys().bucket(tp, "d", bucket(NOW, "d"), fold)]])[0]


def test_a_full_list_keeps_the_frequent_names_and_says_its_error(redis: Redis, small: None) -> None:
    flood = [click(campaign=f"junk {number}") for number in range(100)]
    real = [click(campaign=name) for name in ("spring", "summer") for _ in range(9)]
    log_of("clicks-0", [*flood, *real, *flood, *real]).fold(writer_of(redis), [5])

    found = stored(redis, "campaigns")

    assert (found["spring"], found["summer"]) == (18, 18)
    assert sum(number for name, number in found.items() if name != OFF) == 236
    assert len(found) <= SMALL.d + 2  # (other) and (off)
    assert 2 <= found[OFF] <= 236


def test_the_smallest_bucket_is_kept_whole_and_small(redis: Redis, small: None) -> None:
    log_of("clicks-0", [click(campaign=f"c{number}") for number in range(5)]).fold(writer_of(redis))
    assert stored(redis, "campaigns") == {f"c{number}": 1 for number in range(5)}


def test_each_kind_of_a_products_figures_has_an_error_of_its_own(redis: Redis, small: None) -> None:
    views = [click(product=f"p{number}") for number in range(30)]
    log_of("clicks-0", [*views, click(product="MUG", type="add_to_cart")]).fold(writer_of(redis), [4])
    lines = [{"product_id": f"p{number}", "quantity": 2, "price": "1.5"} for number in range(30)]
    numbered("orders-0", [paid("1", "90", lines=lines)]).fold(writer_of(redis))

    clicks, orders = stored(redis, "products"), stored(redis, "products", "orders-0")

    assert clicks["c|MUG"] == 1
    assert totals(clicks, has_kinds=True) == {f"v|{OTHER}": 30, f"c|{OTHER}": 1}
    assert totals(orders, has_kinds=True) == {f"u|{OTHER}": 60, f"r|GBP|{OTHER}": 90_000_000}
    assert orders[f"u|{OFF}"] >= 2


def test_a_name_that_looks_like_a_bound_of_ours_is_counted_as_other(redis: Redis) -> None:
    log_of("clicks-0", [click(campaign=OFF), click(campaign=OTHER)]).fold(writer_of(redis))
    assert stored(redis, "campaigns") == {OTHER: 2}


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(names, sizes)
def test_capped_lists_are_within_their_error_however_they_are_split(
    redis: Redis, small: None, typed: list[str], split: list[int]
) -> None:
    redis.delete(*redis.keys(f"{first_keys().prefix}*"), "none")
    log_of("clicks-0", [click(product=name, campaign=name) for name in typed]).fold(writer_of(redis), split)
    truth = Counter(typed)

    found = stored(redis, "campaigns")
    assert all(found.get(name, 0) <= truth[name] <= found.get(name, 0) + found.get(OFF, 0) for name in truth)
    assert totals(found, has_kinds=False).get(OTHER, 0) == len(typed)

    products, views = stored(redis, "products"), {f"v|{name}": number for name, number in truth.items()}
    log, kept = beyond(views, products, has_kinds=True)
    assert log == kept


def test_a_batch_of_many_names_is_sent_as_its_largest_ones() -> None:
    fields = {"v|a": 9, "v|b": 1, "v|c": 2, "v|d": 1, "x|e": 1, f"v|{OTHER}": 5}
    sent = shorten(fields, 3, has_kinds=True)
    assert sent == {"v|a": 9, "v|c": 2, "x|e": 1, f"v|{OTHER}": 7, f"v|{OFF}": 1}
    assert shorten(fields, 6, has_kinds=True) is fields


def test_every_key_has_an_end_or_is_stated(redis: Redis) -> None:
    writer = writer_of(redis)
    log_of("clicks-0", [click(search="mug", type="search", results=0, campaign="c")]).fold(writer)
    numbered("orders-0", [paid("1", "9"), paid("2", "9", type="order_refunded")]).fold(writer)
    log_of("inventory-0", [stock("A", 1, "e")]).fold(writer)
    redis.hset(first_keys().gaps("clicks-0"), "1", "2")

    keys = list(redis.scan_iter(f"{first_keys().prefix}*", count=1000))
    endless = {str(key, "utf-8").rpartition(":")[2] for key in keys if redis.ttl(key) < 0}

    assert len(keys) > 60
    assert endless <= ENDLESS


def test_a_field_beyond_its_error_and_a_sum_that_is_wrong_are_named() -> None:
    log = {"a": 9, "b": 3, "c": 1}
    assert beyond(log, {"a": 7, OTHER: 6, OFF: 2}, has_kinds=False) == (
        {OTHER: 13, "b": 3},
        {OTHER: 13, "b": 0},
    )
    assert beyond(log, {"a": 9, OTHER: 3, OFF: 3}, has_kinds=False) == ({OTHER: 13}, {OTHER: 12})
