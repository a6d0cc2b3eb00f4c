"""Orders and stock events of other systems, as the handlers take them from the drain."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import Level, Movement, Reservation
from orders.models import Mail, Order, Payment
from shopsite.catalogue.models import Product
from shopsite.events.schemas import OrderChanged, PoisonEvent, StockChanged
from shopsite.fulfilment import charge, handle_orders, handle_stock
from tests.support.messages import lines, order_message, stock_message
from tests.support.shop import level, product, stock_is_sound, told

pytestmark = pytest.mark.django_db
RECORDED = datetime(2024, 6, 18, 12, 35, 56, tzinfo=UTC)


def test_a_plain_order_is_reserved_charged_and_paid_with_its_exact_amount() -> None:
    handle_orders([order_message(order_id="456", user_id="123", product_ids=["abc", "def"], amount=99.99)])
    assert Order.objects.get(pk="456").status == "placed"
    assert level("abc") == (0, 1)
    charge("456")
    order = Order.objects.get(pk="456")
    assert (order.status, order.amount, order.currency) == ("paid", Decimal("99.99"), "EUR")
    assert [(line.product_id, line.quantity, line.price) for line in order.lines.order_by("pk")] == [
        ("abc", 1, None),
        ("def", 1, None),
    ]
    assert set(Movement.objects.values_list("event_id", "change", "reason")) == {
        ("sale:456:abc", -1, "sale"),
        ("sale:456:def", -1, "sale"),
    }
    assert not Product.objects.filter(listed=True).exists()
    assert stock_is_sound()
    mail = Mail.objects.get(order=order)
    assert (mail.kind, mail.state, mail.why) == ("confirmation", "not_sent", "no e-mail address is known")
    assert [event.type for event in told() if isinstance(event, OrderChanged)] == ["order_paid"]


def test_an_order_paid_elsewhere_is_not_charged_and_counts_at_its_recorded_time() -> None:
    bought = lines(("MUG", 2, "2.555"), ("MUG", 1, "2.555"), ("TEE", 1, "10"))
    message = {"order_id": "i1", "user_id": "u", "product_ids": ["MUG"], "lines": bought, "amount": "17.665"}
    handle_orders([order_message(**message, status="paid", currency="GBP", country="France")])
    order = Order.objects.get(pk="i1")
    assert (order.status, order.paid_at, order.amount) == ("paid", RECORDED, Decimal("17.665"))
    assert not Payment.objects.exists()
    assert not Mail.objects.exists()
    assert not Reservation.objects.exists()
    assert level("MUG") == (-3, 0)
    (event,) = told()
    assert isinstance(event, OrderChanged)
    assert (event.type, event.timestamp, event.currency, event.country) == (
        "order_paid",
        RECORDED,
        "GBP",
        "France",
    )
    assert [(line.product_id, line.quantity, line.price) for line in event.lines] == [
        ("MUG", 2, Decimal("2.555")),
        ("MUG", 1, Decimal("2.555")),
        ("TEE", 1, Decimal("10")),
    ]
    stock = told("inventory")
    assert {(e.event_id, e.quantity_change) for e in stock if isinstance(e, StockChanged)} == {
        ("sale:i1:MUG", -3),
        ("sale:i1:TEE", -1),
    }
    assert all(event.timestamp == RECORDED for event in stock)


def test_an_order_delivered_elsewhere_has_the_whole_history_and_one_paid_event() -> None:
    handle_orders(
        [order_message(order_id="i1", user_id="u", product_ids=["MUG"], amount=1, status="delivered")]
    )
    order = Order.objects.get(pk="i1")
    assert [row.to_status for row in order.history.all()] == ["paid", "packed", "shipped", "delivered"]
    assert {row.at for row in order.history.all()} == {RECORDED}
    assert [(event.type, event.status) for event in told() if isinstance(event, OrderChanged)] == [
        ("order_paid", "delivered")
    ]


def test_a_refund_told_by_another_system_is_a_record_of_its_own_and_puts_stock_back() -> None:
    product("MUG", 10)
    handle_orders(
        [
            order_message(
                order_id="C1", user_id="", product_ids=["MUG"], quantities=[4], amount=8, status="refunded"
            )
        ]
    )
    order = Order.objects.get(pk="C1")
    assert (order.status, order.refunded) == ("refunded", Decimal(8))
    assert level("MUG") == (14, 0)
    assert Movement.objects.get(event_id="return:C1:MUG").reason == "return"
    assert [(event.type, event.amount) for event in told() if isinstance(event, OrderChanged)] == [
        ("order_refunded", Decimal(8))
    ]


def test_a_message_sent_again_changes_nothing_alone_or_in_one_batch() -> None:
    paid = order_message(order_id="i1", user_id="u", product_ids=["MUG"], amount=1, status="paid")
    plain = order_message(order_id="i2", user_id="u", product_ids=["MUG"], amount=1)
    handle_orders([paid, plain, paid, plain])
    handle_orders([plain, paid])
    assert Order.objects.count() == 2
    assert level("MUG") == (-1, 1)
    assert Payment.objects.count() == 1
    assert len(told()) == 1


def test_of_two_messages_for_one_order_in_a_batch_the_first_counts() -> None:
    first = order_message(order_id="i1", user_id="first", product_ids=["MUG"], amount=1, status="paid")
    second = order_message(order_id="i1", user_id="second", product_ids=["TEE"], amount=2, status="paid")
    handle_orders([first, second])
    assert Order.objects.get(pk="i1").user_id == "first"
    assert not Product.objects.filter(pk="TEE").exists()


def test_what_cannot_be_reserved_is_rejected_or_backordered_oldest_first() -> None:
    product("MUG", 3)
    product("TEE", 0)
    Level.objects.filter(pk="TEE").update(backorders=True)
    handle_orders(
        [
            order_message(order_id="a", user_id="u", product_ids=["MUG"], quantities=[2], amount=1),
            order_message(order_id="b", user_id="u", product_ids=["MUG"], quantities=[2], amount=1),
            order_message(order_id="c", user_id="u", product_ids=["MUG"], quantities=[1], amount=1),
            order_message(order_id="d", user_id="u", product_ids=["TEE"], quantities=[1], amount=1),
            order_message(order_id="e", user_id="u", product_ids=["TEE", "MUG"], quantities=[1, 1], amount=1),
        ]
    )
    assert dict(Order.objects.values_list("pk", "status")) == {
        "a": "placed", "b": "rejected", "c": "placed", "d": "backordered", "e": "rejected",
    }  # fmt: skip
    assert level("MUG") == (3, 3)
    assert sorted(event.type for event in told() if isinstance(event, OrderChanged)) == [
        "order_backordered", "order_rejected", "order_rejected",
    ]  # fmt: skip
    assert stock_is_sound()


def test_a_paid_order_is_never_refused_for_want_of_stock() -> None:
    product("MUG", 1)
    handle_orders(
        [
            order_message(
                order_id="i1", user_id="u", product_ids=["MUG"], quantities=[5], amount=1, status="paid"
            )
        ]
    )
    assert Order.objects.get(pk="i1").status == "paid"
    assert level("MUG") == (-4, 0)


def test_an_order_larger_than_any_stock_event_can_tell_is_poison() -> None:
    huge = order_message(
        order_id="x", user_id="u", product_ids=["MUG"] * 1001, quantities=[10**6] * 1001, amount=1
    )
    with pytest.raises(PoisonEvent):
        handle_orders([huge])


def test_ids_that_would_be_ambiguous_or_too_long_still_give_every_sale_a_name_of_its_own() -> None:
    long = "x" * 128
    handle_orders(
        [
            order_message(order_id="a:b", user_id="u", product_ids=["c", long], amount=1, status="paid"),
            order_message(order_id="a", user_id="u", product_ids=["b:c", long], amount=1, status="paid"),
            order_message(order_id=long, user_id="u", product_ids=[long], amount=1, status="paid"),
        ]
    )
    assert Movement.objects.count() == 5
    assert all(len(name) <= 128 for name in Movement.objects.values_list("event_id", flat=True))
    assert len(told("inventory")) == 5


def test_stock_told_by_others_counts_once_may_go_below_zero_and_is_tracked_from_then_on() -> None:
    delivery = stock_message(
        product_id="abc", quantity_change=5, event_id="d1", reason="delivery", actor="dock 2"
    )
    handle_stock([delivery, delivery, stock_message(product_id="abc", quantity_change=-7)])
    handle_stock([delivery])
    assert level("abc") == (-2, 0)
    assert Level.objects.get(pk="abc").tracked
    row = Movement.objects.get(event_id="d1")
    assert (row.change, row.reason, row.actor, row.origin) == (5, "delivery", "dock 2", delivery.origin)
    assert not told("inventory")


def test_a_batch_of_orders_takes_no_query_for_each_order() -> None:
    def queries(prefix: str, count: int) -> int:
        batch = [
            order_message(
                order_id=f"{prefix}{n}", user_id="u", product_ids=["MUG", "TEE"], amount=1, status="paid"
            )
            for n in range(count)
        ]
        with CaptureQueriesContext(connection) as seen:
            handle_orders(batch)
        return len(seen)

    queries("warm", 1)
    assert queries("many", 200) < queries("few", 2) + 20  # SQLite takes the outbox in parts
