"""Refunds by line and by amount: never more than was paid, the shelf as staff say, the lines in the event."""

from decimal import Decimal

import pytest

from orders.models import Line, Mail, Order, Payment, PaymentCall, Refund
from shopsite.events.schemas import OrderChanged
from shopsite.fulfilment import InvalidRefund, give_due, handle_orders, pack_order, refund_order, ship_order
from shopsite.fulfilment import charge as charge_order
from tests.support.gateway import Bank
from tests.support.messages import order_message
from tests.support.shop import level, stock_is_sound, told
from tests.support.shop import order as order

pytestmark = pytest.mark.django_db


def line(order: Order, sku: str) -> Line:
    return order.lines.get(product_id=sku)


def refunds_told() -> list[tuple[Decimal, dict[str, int]]]:
    """(amount, units by product) of each refund event."""
    return [
        (event.amount, {line.product_id: line.quantity for line in event.lines})
        for event in told()
        if isinstance(event, OrderChanged) and event.type == "order_refunded"
    ]


def test_a_line_is_refunded_at_its_price_and_goes_back_on_the_shelf(bank: Bank, order: Order) -> None:
    refund_order(order_id=order.pk, actor="eve", lines={line(order, "MUG").pk: 1}, why="chipped")
    give_due()
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("paid", Decimal("12.50"))
    assert bank.money(order.pk) == (order.amount, Decimal("12.50"))
    assert line(order, "MUG").refunded_quantity == 1
    assert (level("MUG"), level("PLATE")) == ((4, 0), (2, 0))
    assert refunds_told() == [(Decimal("12.50"), {"MUG": 1})]
    mail = Mail.objects.get(kind="refunded")
    assert mail.facts == {"amount": "€12.50", "what": "1 × The MUG"}
    call = PaymentCall.objects.get(kind="refund")
    assert (call.key, call.outcome, call.refund) == (f"{order.pk}/refund-1", "done", Refund.objects.get())
    assert stock_is_sound()


def test_staff_say_what_goes_back_on_the_shelf(bank: Bank, order: Order) -> None:
    mug, plate = line(order, "MUG").pk, line(order, "PLATE").pk
    refund_order(order_id=order.pk, actor="eve", lines={mug: 2, plate: 2}, restock={plate: 1})
    give_due()
    assert (level("MUG"), level("PLATE")) == ((3, 0), (3, 0))
    assert stock_is_sound()


def test_what_has_left_the_house_stays_off_the_shelf_unless_staff_say_so(order: Order) -> None:
    pack_order(order_id=order.pk, actor="eve")
    ship_order(order_id=order.pk, actor="eve")
    mug = line(order, "MUG").pk
    refund_order(order_id=order.pk, actor="eve", lines={mug: 1})
    give_due()
    assert level("MUG") == (3, 0)
    refund_order(order_id=order.pk, actor="eve", lines={mug: 1}, restock={mug: 1})
    give_due()
    assert level("MUG") == (4, 0)
    assert Order.objects.get(pk=order.pk).status == "shipped"


def test_an_amount_names_no_lines_and_the_rest_names_all_that_are_left(bank: Bank, order: Order) -> None:
    refund_order(order_id=order.pk, actor="eve", lines={line(order, "PLATE").pk: 1}, amount=Decimal("5"))
    give_due()
    refund_order(order_id=order.pk, actor="eve", amount=Decimal("2.50"))
    give_due()
    refund_order(order_id=order.pk, actor="eve")
    give_due()
    assert refunds_told() == [
        (Decimal("5"), {"PLATE": 1}),
        (Decimal("2.50"), {}),
        (Decimal("55.00"), {"MUG": 2, "PLATE": 2}),
    ]
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("refunded", order.amount)
    assert bank.money(order.pk) == (order.amount, order.amount)
    assert (level("MUG"), level("PLATE")) == ((5, 0), (5, 0))
    assert stock_is_sound()


@pytest.mark.parametrize(
    ("units", "more", "message"),
    [
        ({"MUG": 3}, {}, "The MUG: 2 can be refunded, not 3"),
        ({"MUG": -1}, {}, "2 can be refunded, not -1"),
        ({"MUG": 0}, {}, "No units are chosen"),
        ({"MUG": 1}, {"amount": Decimal("62.51")}, r"€62\.50 can be refunded, not 62\.51"),
        ({"MUG": 1}, {"amount": Decimal("0")}, "can be refunded, not 0"),
        ({"MUG": 1}, {"restock": {"MUG": 2}}, "1 are refunded: 2 cannot go back"),
    ],
)
def test_no_more_than_there_is_can_be_refunded(
    order: Order, units: dict[str, int], more: dict[str, object], message: str
) -> None:
    lines = {line(order, sku).pk: count for sku, count in units.items()}
    if isinstance(back := more.get("restock"), dict):
        more = {"restock": {line(order, sku).pk: count for sku, count in back.items()}}
    with pytest.raises(InvalidRefund, match=message):
        refund_order(order_id=order.pk, actor="eve", lines=lines, **more)  # type: ignore[arg-type]
    assert Order.objects.get(pk=order.pk).status == "paid"
    assert Refund.objects.count() == 0


def test_a_line_of_another_order_or_of_no_price_is_refused(order: Order) -> None:
    with pytest.raises(InvalidRefund, match="has no line 0"):
        refund_order(order_id=order.pk, actor="eve", lines={0: 1})
    handle_orders([order_message(order_id="1", user_id="2", product_ids=["x"], amount=5)])
    charge_order("1")
    (row,) = Line.objects.filter(order_id="1")
    with pytest.raises(InvalidRefund, match="price of x is not known"):
        refund_order(order_id="1", actor="eve", lines={row.pk: 1})
    refund_order(order_id="1", actor="eve", lines={row.pk: 1}, amount=Decimal("5"))
    give_due()
    assert refunds_told() == [(Decimal("5"), {"x": 1})]


def test_a_refused_refund_leaves_the_order_and_its_lines_as_they_were(bank: Bank, order: Order) -> None:
    Payment.objects.update(amount=order.amount + 100)  # the bank knows better
    refund_order(order_id=order.pk, actor="eve", lines={line(order, "MUG").pk: 1}, amount=order.amount + 1)
    give_due()
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("paid", Decimal(0))
    assert line(order, "MUG").refunded_quantity == 0
    assert Refund.objects.get().reason.startswith("Only 62.5")
    assert level("MUG") == (3, 0)
