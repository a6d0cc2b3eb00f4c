"""Statements whose SQL is made once find and change what Django's own would, whatever they are asked for."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

import pytest
from django.db.models import F
from django.db.models.functions import Coalesce
from django.db.models.sql.compiler import SQLCompiler

from inventory.models import Reservation
from orders.models import Order, Payment
from shopsite import bulk
from shopsite.fulfilment import leases
from shopsite.prepared import Prepared, PreparedUpdate, Slot
from tests.support.shop import place, product, read_back

pytestmark = pytest.mark.django_db
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


@pytest.fixture(autouse=True)
def held() -> None:
    """Three reservations, a minute apart."""
    rows = [(name, "MUG", 2, "open", AT + timedelta(minutes=n)) for n, name in enumerate(("a", "it's", "c"))]
    bulk.insert(Reservation, ("order_id", "product_id", "quantity", "state", "expires_at"), rows)


def test_rows_are_found_by_lists_and_times_with_sql_that_is_made_once() -> None:
    names_and_times = Prepared(
        lambda: (
            Reservation.objects.filter(order_id__any_of=Slot("names"), expires_at__lt=Slot("until"))
            .order_by("expires_at")
            .values_list("order_id", "expires_at")
        )
    )
    with patch.object(SQLCompiler, "as_sql", autospec=True, side_effect=SQLCompiler.as_sql) as made:
        for names in (["a", "it's", "x"], ["it's"], []):
            for until in (AT, AT + timedelta(microseconds=1), AT + timedelta(days=1)):
                own = Reservation.objects.filter(order_id__in=names, expires_at__lt=until)
                count = made.call_count
                found = names_and_times(names=names, until=until)
                assert made.call_count - count <= (names == ["a", "it's", "x"] and until == AT)
                assert found == list(own.order_by("expires_at").values_list("order_id", "expires_at"))


def test_only_rows_that_are_as_asked_are_changed() -> None:
    extend = PreparedUpdate(
        lambda: Reservation.objects.filter(order_id__any_of=Slot("names"), expires_at__lt=Slot("until")),
        expires_at=Slot("until"),
        quantity=F("quantity") + 1,
    )
    until = AT + timedelta(seconds=90)
    assert extend(names=["a", "c", "x"], until=until) == 1
    assert extend(names=["a", "c", "x"], until=until) == 0
    rows = Reservation.objects.order_by("order_id").values_list("order_id", "quantity", "expires_at")
    assert list(rows) == [
        ("a", 3, until),
        ("c", 2, AT + timedelta(minutes=2)),
        ("it's", 2, AT + timedelta(minutes=1)),
    ]


def test_a_value_that_is_not_there_leaves_what_was() -> None:
    product("MUG", 5)
    order = place({"MUG": 1})
    pay = PreparedUpdate(
        lambda: Order.objects.filter(pk=Slot("name")), paid_at=Coalesce(Slot("at"), "paid_at")
    )
    for at, kept in ((None, None), (AT, AT), (None, AT)):
        assert pay(name=order.pk, at=at) == 1
        assert Order.objects.get().paid_at == kept


def test_a_value_that_is_missing_is_named() -> None:
    with pytest.raises(KeyError, match="name"):
        Prepared(lambda: Order.objects.filter(pk=Slot("name")).values_list("pk"))(names="a")


def test_what_is_leased_is_what_django_reads() -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    read_back(order)
    payment = Payment.objects.select_related("order").get()
    (question,) = leases.lease(5)
    leased = question.payment
    fields = {field.attname for field in Payment._meta.concrete_fields} - {"next_try_at"}
    assert {name: getattr(leased, name) for name in fields} == {
        name: getattr(payment, name) for name in fields
    }
    assert leased.order.__dict__.keys() >= {field.attname for field in Order._meta.concrete_fields}
    assert all(
        getattr(leased.order, field.attname) == getattr(payment.order, field.attname)
        for field in Order._meta.concrete_fields
    )
