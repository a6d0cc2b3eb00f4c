"""bulk.insert writes what Django's own bulk_create writes, on either database."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from orders.models import Line, Order
from shopsite import bulk
from tests.support.shop import product

pytestmark = pytest.mark.django_db
AT = datetime(2024, 6, 18, 12, 35, 56, 123456, tzinfo=UTC)
COLUMNS = (
    "order_id",
    "user_id",
    "status",
    "source",
    "currency",
    "amount",
    "placed_at",
    "changed_at",
    "paid_at",
)


def row(order_id: str) -> tuple[object, ...]:
    return order_id, "ü\t\\N\n'", "paid", "kafka", "EUR", Decimal("0.000001"), AT, AT, None


def test_rows_are_the_same_as_those_of_bulk_create() -> None:
    bulk.insert(Order, COLUMNS, [row("a")])
    Order.objects.bulk_create([Order(**dict(zip(COLUMNS, row("b"), strict=True)))])
    ours, theirs = (Order.objects.filter(pk=pk).values().get() for pk in ("a", "b"))
    assert {**ours, "order_id": ""} == {**theirs, "order_id": ""}


def test_rows_are_numbered_by_the_database_and_nulls_stay_nulls() -> None:
    product("MUG")
    bulk.insert(Order, COLUMNS, [row("a")])
    values = [("a", "MUG", "t", 1, None), ("a", "MUG", "t", 2, Decimal("2.555"))]
    bulk.insert(Line, ("order_id", "product_id", "title", "quantity", "price"), values)
    first, second = Line.objects.order_by("pk")
    assert (first.price, second.price) == (None, Decimal("2.555"))
    assert first.pk < second.pk


def test_a_row_that_exists_is_refused_with_all_of_its_batch() -> None:
    bulk.insert(Order, COLUMNS, [row("a")])
    with pytest.raises(IntegrityError), transaction.atomic():
        bulk.insert(Order, COLUMNS, [row("b"), row("a")])
    assert Order.objects.count() == 1


def test_no_rows_are_no_statement() -> None:
    bulk.insert(Order, COLUMNS, [])
    assert not Order.objects.exists()
