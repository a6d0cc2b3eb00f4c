"""Payments and refunds in the admin: found by their order, one press from it, amounts with their currency."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders.models import Order, Payment, Refund
from shopsite.desk.search import beginning
from shopsite.fulfilment import refund_order
from tests.support.shop import order as order
from tests.support.shop import paid
from tests.support.staff import As
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
LISTS = ("payment", "refund")


@pytest.fixture
def other(order: Order) -> Order:
    """Another order; both have a payment and a refund."""
    other = paid({"MUG": 1})
    for one in (order, other):
        refund_order(order_id=one.pk, actor="eve", why="late")
    return other


@pytest.mark.parametrize("name", LISTS)
def test_it_is_found_by_the_beginning_of_its_orders_number_and_leads_there(
    staff: As, order: Order, other: Order, name: str
) -> None:
    client = staff("operator")
    address = reverse(f"admin:orders_{name}_changelist")
    row = (Payment if name == "payment" else Refund).objects.get(order=order)
    for term in (order.pk, order.pk[:-1].upper(), row.key):
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(address, {"q": term})
        assert [found.order_id for found in answer.context["cl"].result_list] == [order.pk]
        assert len(asked) <= 8
        assert f'href="{reverse("admin:orders_order_change", args=[order.pk])}"' in answer.content.decode()
    assert len(client.get(address).context["cl"].result_list) == 2


@pytest.mark.parametrize("name", LISTS)
def test_amounts_are_told_with_their_currency_in_the_list_and_on_the_page(
    staff: As, other: Order, name: str
) -> None:
    client = staff("operator")
    Order.objects.update(currency="GBP")
    Payment.objects.update(currency="GBP")
    row = (Payment if name == "payment" else Refund).objects.get(order=other)
    for address in (
        reverse(f"admin:orders_{name}_changelist"),
        reverse(f"admin:orders_{name}_change", args=[row.pk]),
    ):
        page = client.get(address).content.decode()
        assert "£12.50" in page
        assert "12.500000" not in page
        assert f">{other.pk}</a>" in page


@pytest.mark.parametrize("model", [Payment, Refund])
def test_the_beginning_of_an_orders_number_reads_an_index(model: type[Payment | Refund]) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")  # a table of no rows is read faster as a whole
    plan = beginning(model._default_manager.all(), "order__pk", "abc").explain()
    assert "Cond: " in plan if connection.vendor == "postgresql" else "SEARCH" in plan
