"""Any order of events, any split into batches, any re-sent tail: equal figures. And facts of real streams."""

import csv
import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis as redis_package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards.counting.store import set_sizes
from dashboards.keys import first_keys
from dashboards.reports.selectors import report, rfc3339
from tests.support.aggregates import Log, click, everything, log_of, numbered, paid, stock, writer_of

pytestmark = pytest.mark.django_db
Redis = redis_package.Redis
REES46 = Path(__file__).parents[3] / "shared" / "data" / "rees46"
Event = Mapping[str, object]

times = st.integers(1_718_700_000, 1_718_715_600).map(rfc3339)  # until NOW
clicks = st.builds(
    click,
    st.sampled_from(["u1", "u2", "u3"]),
    st.sampled_from(["A", "B|C"]),
    times,
    type=st.sampled_from(["view_item", "add_to_cart", "search", "page_view"]),
    bot=st.booleans(),
    session_id=st.sampled_from(["s1", "s2"]),
    search=st.sampled_from(["mug", None]),
    referrer=st.sampled_from(["https://www.example.org/a", "/p/A/", "http://[broken", None]),
    path=st.sampled_from(["/", "/cart/", None]),
    device=st.sampled_from(["phone", None]),
    results=st.sampled_from([0, 3, None]),
    category=st.sampled_from(["tea", None]),
    returning=st.sampled_from([True, False, None]),
)
orders = st.builds(
    paid,
    st.sampled_from(["1", "2"]),
    st.sampled_from(["0.000001", "99.99", "999999999"]),
    at=times,
    type=st.sampled_from(["order_paid", "order_refunded", "order_shipped"]),
    user_id=st.sampled_from(["u1", ""]),
)
moves = st.builds(
    stock, st.sampled_from(["A", "B"]), st.integers(-9, 9), st.sampled_from(["e1", "e2", "e3"]), times
)
crashes = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=3)
sizes = st.lists(st.integers(1, 7), min_size=1, max_size=4)


def clear(redis: Redis) -> None:
    keys = list(redis.scan_iter(match=f"{first_keys().prefix}*", count=1000))
    if keys:
        redis.delete(*keys)


def merged(redis: Redis) -> dict[str, object]:
    """All figures, whatever partition they came by; sets are left to figures of the report."""
    sums: dict[str, object] = {}
    for name, value in everything(redis).items():
        key = name.split("}:")[1]
        if isinstance(value, dict):
            known = sums.setdefault(key, {})
            assert isinstance(known, dict)
            for field, number in value.items():
                known[field] = known.get(field, 0) + number
    return sums


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(clicks, max_size=25), st.randoms(use_true_random=False), sizes)
def test_clicks_commute(redis: Redis, events: list[Event], dice: "random.Random", split: list[int]) -> None:
    span = datetime(2024, 6, 18, tzinfo=UTC), datetime(2024, 6, 19, tzinfo=UTC)
    clear(redis)
    log_of("clicks-0", events).fold(writer_of(redis))
    once, visitors = merged(redis), report(redis, *span).visitors

    clear(redis)
    shuffled = list(events)
    dice.shuffle(shuffled)
    half = len(shuffled) // 2
    log_of("clicks-0", shuffled[:half]).fold(writer_of(redis), split)
    log_of("clicks-1", shuffled[half:]).fold(writer_of(redis), split)

    assert merged(redis) == once
    people = {str(event["user_id"]) for event in events if not event.get("bot")}
    from_log = set_sizes(redis, first_keys(), "clicks-0", [people])[0]
    assert report(redis, *span).visitors == visitors == from_log


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(orders, max_size=20),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=3),
    sizes,
)
def test_tails_that_the_relay_sends_again_change_nothing(
    redis: Redis, events: list[Event], died: list[tuple[int, int]], split: list[int]
) -> None:
    clear(redis)
    log = numbered("orders-0", events)
    log.fold(writer_of(redis))
    once = everything(redis)

    records = list(log.records)
    for end, back in died:  # up to `end` it was sent, but noted only up to `end - back`
        records = records[:end] + records[max(0, end - back) :]
    again = [record._replace(offset=offset) for offset, record in enumerate(records)]
    clear(redis)
    Log("orders-0", again).fold(writer_of(redis), split)

    assert everything(redis) == once


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(moves, max_size=15), sizes)
def test_stock_events_of_others_count_once_however_they_are_split(
    redis: Redis, events: list[Event], split: list[int]
) -> None:
    clear(redis)
    log_of("inventory-0", events + events).fold(writer_of(redis), split)

    first = {str(event["event_id"]): event for event in reversed(events)}
    found = report(redis, datetime(2024, 6, 18, tzinfo=UTC), datetime(2024, 6, 19, tzinfo=UTC)).stock
    assert sum(reason["events"] for reason in found.values()) == len(first)
    assert sum(reason["change"] for reason in found.values()) == sum(
        int(str(event["quantity_change"])) for event in first.values()
    )


def recorded() -> tuple[Sequence[Event], Sequence[Event]]:
    """The REES46 slice as clicks and paid orders."""
    types = {"view": "view_item", "cart": "add_to_cart", "remove_from_cart": "remove_from_cart"}
    events, sales = [], []
    with (REES46 / "rees46_2019-11-01_slice.csv").open(encoding="utf-8") as file:
        for number, row in enumerate(csv.DictReader(file)):
            at = row["event_time"].replace(" UTC", "Z").replace(" ", "T")
            who = {"user_id": row["user_id"], "session_id": row["user_session"]}
            if row["event_type"] in types:
                events.append(click(product=row["product_id"], at=at, type=types[row["event_type"]], **who))
            else:
                line = {"product_id": row["product_id"], "quantity": 1, "price": row["price"]}
                sales.append(paid(str(number), row["price"], at=at, currency="USD", lines=[line], **who))
    return events, sales


@pytest.mark.skipif(not REES46.exists(), reason="the REES46 slice lies beside the project, not in it")
def test_a_recorded_stream_gives_its_facts(redis: Redis) -> None:
    facts = json.loads((REES46 / "facts.json").read_text())
    events, sales = recorded()
    log_of("clicks-0", events[::2]).fold(writer_of(redis), [100, 7])
    log_of("clicks-1", events[1::2]).fold(writer_of(redis))
    numbered("orders-0", sales).fold(writer_of(redis))

    found = report(redis, datetime(2019, 11, 1, tzinfo=UTC), datetime(2019, 11, 2, tzinfo=UTC), top=10)

    assert found.events == {"view_item": 677, "add_to_cart": 3}
    assert (found.orders["orders"], found.revenue) == (2, {"USD": facts["purchase_revenue_sum_price"]})
    assert abs(found.visitors - facts["distinct_user_id"]) <= 3
    assert abs(found.sessions - facts["distinct_user_session"]) <= 3
    most = {product: views for product, _, _, views in facts["top10_products_by_view"]}
    assert sorted(row.views for row in found.products) == sorted(most.values())
    assert found.minutes is not None
    assert sum(minute["events"]["view_item"] for minute in found.minutes) == 677
