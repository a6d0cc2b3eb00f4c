"""What is printed of an order: packing slips and a receipt, for staff and shopper; numbers are its own."""

from decimal import Decimal

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders.models import Order
from orders.papers import receipt, slip
from shopsite.fulfilment import give_due, refund_order
from tests.support.shop import order as order
from tests.support.shop import paid, place
from tests.support.staff import As, act
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
VISITOR = "0123456789abcdef0123456789abcdef"


def shopper(*orders: Order) -> Client:
    """The browser that bought these orders."""
    Order.objects.filter(pk__in=[order.pk for order in orders]).update(user_id=VISITOR)
    client = Client()
    client.cookies[settings.VISITOR_COOKIE] = VISITOR
    return client


def test_a_slip_says_what_to_pack_and_where_it_goes_and_no_price(staff: As, order: Order) -> None:
    page = staff("operator").get(reverse("admin:orders_order_slip", args=[order.pk])).content.decode()
    assert page.count('<article class="sheet">') == 1
    for text in (order.pk, "Ada Morgenstern", "Lindenweg 12", "10999 Berlin", "Germany", "The MUG", "MUG"):
        assert text in page
    assert "€" not in page
    assert "<script" not in page
    assert [(line.title, line.quantity) for line in slip(order).lines] == [("The MUG", 2), ("The PLATE", 3)]
    assert slip(order).units == 5


def test_what_was_refunded_is_not_packed(order: Order) -> None:
    lines = {line.product_id: line.pk for line in order.lines.all()}
    refund_order(order_id=order.pk, actor="eve", lines={lines["MUG"]: 2, lines["PLATE"]: 1}, why="gone")
    give_due()
    paper = slip(Order.objects.get(pk=order.pk))
    assert [(line.title, line.quantity) for line in paper.lines] == [("The PLATE", 2)]
    assert paper.units == 2


def test_slips_of_many_orders_are_a_sheet_each_in_few_queries(staff: As, order: Order) -> None:
    orders = [order, *(paid({"MUG": 1}) for _ in range(3))]
    client = staff("operator")
    with CaptureQueriesContext(connection) as asked:
        page = act(client, "print_slips", *(one.pk for one in reversed(orders)))
    assert page.count('<article class="sheet">') == 4
    places = [page.index(f"<span>{one.pk}</span>") for one in orders]
    assert places == sorted(places)  # who ordered first is packed first
    assert len(asked) <= 10, [query["sql"] for query in asked]


def test_a_receipts_numbers_are_the_orders(order: Order) -> None:
    paper = receipt(order)
    assert (paper.products, paper.shipping, paper.total, paper.refunded) == ("€62.50", "", "€62.50", "")
    assert [(line.quantity, line.price, line.total) for line in paper.lines] == [
        (2, "€12.50", "€25.00"), (3, "€12.50", "€37.50"),
    ]  # fmt: skip
    Order.objects.filter(pk=order.pk).update(shipping=Decimal("4.90"), amount=Decimal("67.40"))
    refund_order(order_id=order.pk, actor="eve", amount=Decimal("5.00"), why="late")
    give_due()
    paper = receipt(Order.objects.get(pk=order.pk))
    assert (paper.products, paper.shipping, paper.total) == ("€62.50", "€4.90", "€67.40")
    assert (paper.refunded, paper.kept, paper.card) == ("€5.00", "€62.40", "4242")


def test_staff_and_shopper_read_the_same_receipt_and_a_stranger_none(staff: As, order: Order) -> None:
    mine = shopper(order)
    address = reverse("order_receipt", args=[order.pk])
    assert f'href="{address}"' in mine.get(f"/orders/{order.pk}/").content.decode()
    theirs = staff("viewer").get(reverse("admin:orders_order_receipt", args=[order.pk]))
    page = mine.get(address)
    assert page.content == theirs.content
    assert "by the card ending 4242" in page.content.decode()
    assert "<script" not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    assert Client().get(address).status_code == 404


def test_before_an_order_is_paid_there_is_no_receipt(staff: As, order: Order) -> None:
    waits = place({"MUG": 1})
    mine = shopper(waits)
    assert mine.get(reverse("order_receipt", args=[waits.pk])).status_code == 302
    assert "Receipt" not in mine.get(f"/orders/{waits.pk}/").content.decode()
    client = staff("viewer")
    assert client.get(reverse("admin:orders_order_receipt", args=[waits.pk])).status_code == 404


def test_who_may_not_see_orders_prints_none(staff: As, order: Order) -> None:
    client = staff("stock keeper")
    for name in ("slip", "receipt"):
        assert client.get(reverse(f"admin:orders_order_{name}", args=[order.pk])).status_code == 403
