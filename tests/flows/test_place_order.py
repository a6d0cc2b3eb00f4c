"""A shopper's checkout writes everything that the rest of the way needs, or nothing."""

import re
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import Reservation
from orders.models import Order, Payment
from shopsite.events.models import OutboxEvent
from shopsite.events.schemas import OrderPlaced, read_order
from shopsite.fulfilment import InvalidCart, OutOfStock, place_order
from tests.support.shop import APPROVED, PRICE, buyer, cart, level, product, stock_is_sound

pytestmark = pytest.mark.django_db


def test_an_accepted_order_has_its_lines_its_reservation_its_payment_and_its_event() -> None:
    product("MUG", 5)
    order = place_order(lines=cart({"MUG": 2}), buyer=buyer(), card=APPROVED, shipping=Decimal("4.90"))
    assert (order.status, order.amount, order.source) == ("placed", 2 * PRICE + Decimal("4.90"), "shop")
    assert [(line.product_id, line.quantity, line.price) for line in order.lines.all()] == [("MUG", 2, PRICE)]
    assert [(row.from_status, row.to_status) for row in order.history.all()] == [("", "placed")]
    assert level("MUG") == (5, 2)
    payment = Payment.objects.get(order=order)
    assert (payment.state, payment.key, payment.amount) == ("waiting", order.order_id, order.amount)
    row = OutboxEvent.objects.get(topic="orders")
    event = read_order(bytes(row.value or b""), origin="x", now=order.placed_at)
    assert isinstance(event, OrderPlaced)
    assert (row.key, event.order_id, event.amount) == (order.order_id, order.order_id, order.amount)


def test_a_card_number_is_never_stored() -> None:
    product("MUG", 5)
    place_order(lines=cart({"MUG": 1}), buyer=buyer(), card=APPROVED)
    kept = Payment.objects.values().get()
    assert APPROVED not in str(kept)
    assert kept["last4"] == "4242"


def test_more_than_there_is_cannot_be_ordered_and_leaves_no_trace() -> None:
    product("MUG", 5)
    product("TEE", 1)
    with pytest.raises(OutOfStock) as caught:
        place_order(lines=cart({"MUG": 2, "TEE": 2}), buyer=buyer(), card=APPROVED)
    assert [(s.product_id, s.wanted, s.available) for s in caught.value.shortfalls] == [("TEE", 2, 1)]
    assert not Order.objects.exists()
    assert not Reservation.objects.exists()
    assert not OutboxEvent.objects.filter(topic="orders").exists()
    assert stock_is_sound()


def test_duplicate_lines_are_summed_before_they_are_reserved() -> None:
    product("MUG", 3)
    with pytest.raises(OutOfStock):
        place_order(lines=[*cart({"MUG": 2}), *cart({"MUG": 2})], buyer=buyer(), card=APPROVED)
    order = place_order(lines=[*cart({"MUG": 2}), *cart({"MUG": 1})], buyer=buyer(), card=APPROVED)
    assert order.lines.count() == 2
    assert level("MUG") == (3, 3)


def test_a_product_whose_stock_nobody_told_is_always_sold() -> None:
    product("EBOOK")
    place_order(lines=cart({"EBOOK": 1000}), buyer=buyer(), card=APPROVED)
    assert level("EBOOK") == (0, 1000)


def test_sending_the_checkout_twice_gives_the_same_order() -> None:
    product("MUG", 5)
    first, second = (
        place_order(lines=cart({"MUG": 1}), buyer=buyer(), card=APPROVED, order_id="form-1") for _ in range(2)
    )
    assert first.pk == second.pk
    assert level("MUG") == (5, 1)


@pytest.mark.parametrize("card", ["", "4242", "4242424242424241", "not a card", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"])
def test_what_is_no_card_number_is_refused_before_anything_is_written(card: str) -> None:
    product("MUG", 5)
    with pytest.raises(InvalidCart, match="card number"):
        place_order(lines=cart({"MUG": 1}), buyer=buyer(), card=card)
    assert not Order.objects.exists()


def test_an_empty_cart_or_a_quantity_below_one_is_refused() -> None:
    with pytest.raises(InvalidCart, match="empty"):
        place_order(lines=[], buyer=buyer(), card=APPROVED)
    with pytest.raises(InvalidCart, match="at least one"):
        place_order(lines=cart({"MUG": 0}), buyer=buyer(), card=APPROVED)


def test_levels_are_locked_last() -> None:
    product("MUG", 5)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        place_order(lines=cart({"MUG": 1}), buyer=buyer(), card=APPROVED)
    writes = [query["sql"] for query in queries if re.search(r"\b(INSERT|UPDATE|COPY)\b", query["sql"])]
    assert "inventory_level" in writes[-1]
    assert len(writes) > 1 or connection.vendor == "postgresql"  # which has the others by COPY, unlisted
    assert not any("inventory_level" in write for write in writes[:-1])
