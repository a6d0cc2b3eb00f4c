"""What the admin searches by has an index that each database really uses for it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from orders.models import Line, Order
from shopsite import bulk
from shopsite.desk.search import among, beginning, beginning_in_any_case
from shopsite.events.models import InboxEvent, OutboxEvent
from tests.support.shop import place, product

pytestmark = pytest.mark.django_db
SEARCHES: dict[str, Callable[[], QuerySet[Any]]] = {
    "number": lambda: beginning(Order.objects.all(), "pk", "abc"),
    "address": lambda: beginning_in_any_case(Order.objects.all(), "email", "Ada@"),
    "name": lambda: beginning_in_any_case(Order.objects.all(), "name", "ada"),
    "product": lambda: Line.objects.filter(product_id="MUG"),
    "queue": lambda: Order.objects.filter(status="paid").order_by("changed_at"),
    "outbox": lambda: OutboxEvent.objects.filter(topic="orders", key="abc").order_by(),
    "inbox": lambda: InboxEvent.objects.filter(topic="orders", key="abc").order_by(),
}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_reads_an_index_and_no_table(name: str) -> None:
    rows = SEARCHES[name]()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of no rows is read faster as a whole
    plan = rows.explain()
    assert "Seq Scan" not in plan
    assert "SCAN orders_order\n" not in f"{plan}\n"
    assert "index" in plan.lower()
    if connection.vendor == "postgresql":
        assert "Cond: " in plan, "the index only sorts: every row of it would be read"
    else:
        assert "SEARCH" in plan


def test_postgresql_finds_beginnings_in_any_collation() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite compares bytes, and needs no operator class")
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'orders_order'")
        made = dict(cursor.fetchall())
    for name in ("order_by_email", "order_by_name"):
        assert "text_pattern_ops" in made[name]
    assert any("order_id varchar_pattern_ops" in definition for definition in made.values())


@pytest.mark.parametrize(
    ("term", "found"), [("ADA@", True), ("ada@ex", True), ("da@", False), ("%", False), ("_da", False)]
)
def test_an_address_is_found_by_how_it_begins_in_any_case(term: str, found: bool) -> None:
    product("MUG", 5)
    place({"MUG": 1}, email="Ada@Example.org")
    assert beginning_in_any_case(Order.objects.all(), "email", term).exists() is found


def test_what_was_found_is_looked_up_by_its_keys_however_the_list_is_sorted() -> None:
    """The oldest orders of many: in the list's own order, every other one would be read before them."""
    first = timezone.now() - timedelta(days=30)
    many = [
        Order(
            order_id=f"o{number:05}", status="paid", source="shop", currency="EUR", amount=1,
            placed_at=first + timedelta(minutes=number), changed_at=first,
        )
        for number in range(20_000)
    ]  # fmt: skip
    bulk.insert_objects(many)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE orders_order")
    found = among(Order.objects.order_by("-placed_at", "-pk"), [order.pk for order in many[:1000]])
    assert [order.pk for order in found[:3]] == ["o00999", "o00998", "o00997"]
    assert found.count() == 1000
    assert "order_by_time" not in found[:50].explain()
    assert not among(Order.objects.all(), []).exists()
