"""What staff do with an order: pack, ship, deliver, cancel, refund; told to shopper and dashboard."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from inventory.models import Movement
from orders.models import Mail, Order, Refund
from orders.services import MovedMeanwhile, get, move
from orders.states import Status
from shopsite.events.schemas import OrderChanged
from shopsite.fulfilment import (
    ForbiddenMove,
    InvalidRefund,
    UnknownOrder,
    cancel_order,
    deliver_order,
    give_refund,
    handle_orders,
    pack_order,
    refund_order,
    ship_order,
)
from shopsite.orderdesk.steps import STEPS
from tests.support.messages import order_message
from tests.support.shop import level, paid, place, product, stock_is_sound, told, told_types

pytestmark = pytest.mark.django_db


def give_all(order: Order) -> None:
    """The worker gives the refunds that are due, twice, as a lost task would have it."""
    for refund in Refund.objects.filter(order=order):
        give_refund(refund.pk)
        give_refund(refund.pk)
    order.refresh_from_db()


def test_an_order_is_packed_shipped_and_delivered_and_each_step_is_told() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    pack_order(order_id=order.pk, actor="eve")
    ship_order(order_id=order.pk, actor="eve", why="parcel 17")
    deliver_order(order_id=order.pk, actor="carrier")
    assert told_types() == ["order_paid", "order_packed", "order_shipped", "order_delivered"]
    assert [(row.to_status, row.actor, row.why) for row in order.history.all()][-2:] == [
        ("shipped", "eve", "parcel 17"),
        ("delivered", "carrier", ""),
    ]
    events = [event.event_id for event in told() if isinstance(event, OrderChanged)]
    assert [row.event_id for row in order.history.all()][1:] == events  # the history names what told of it
    assert sorted(order.mails.values_list("kind", flat=True)) == ["confirmation", "shipped"]


def test_a_forbidden_step_says_what_is_possible_and_changes_nothing() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    with pytest.raises(ForbiddenMove) as caught:
        ship_order(order_id=order.pk, actor="eve")
    assert str(caught.value) == (
        f"Order {order.pk} is paid and cannot become shipped; it can become: packed, refund pending."
    )
    assert order.history.count() == 2
    with pytest.raises(UnknownOrder, match="no order 4711"):
        pack_order(order_id="4711", actor="eve")


def test_of_two_who_move_an_order_at_once_one_is_told_that_it_moved() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    mine, theirs = get(order.pk), get(order.pk)
    move(theirs, Status.PACKED, actor="eve")
    with pytest.raises(MovedMeanwhile):
        move(mine, Status.REFUND_PENDING, actor="bob")
    assert Order.objects.get(pk=order.pk).status == "packed"


def test_an_order_cancelled_before_it_is_charged_gives_its_units_back() -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    cancel_order(order_id=order.pk, actor="ada", why="changed my mind")
    assert level("MUG") == (5, 0)
    assert told_types() == ["order_cancelled"]
    assert order.payments.get().state == "void"
    with pytest.raises(ForbiddenMove, match="nothing any more"):
        cancel_order(order_id=order.pk, actor="ada")


def test_cancelling_a_paid_order_refunds_it_and_puts_its_units_back() -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    cancel_order(order_id=order.pk, actor="ada")
    assert Order.objects.get(pk=order.pk).status == "refund_pending"
    give_all(order)
    assert (order.status, order.refunded) == ("refunded", order.amount)
    assert level("MUG") == (5, 0)
    assert Movement.objects.get(reason="return").event_id == f"return:{order.pk}/refund-1:MUG"
    event = told()[-1]
    assert isinstance(event, OrderChanged)
    assert (event.type, event.amount, len(event.lines)) == ("order_refunded", order.amount, 1)
    assert Mail.objects.filter(order=order, kind="refunded").count() == 1
    assert stock_is_sound()


def test_a_refund_in_part_leaves_the_order_where_it_was_and_the_rest_can_follow() -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    pack_order(order_id=order.pk, actor="eve")
    ship_order(order_id=order.pk, actor="eve")
    refund_order(order_id=order.pk, actor="eve", amount=Decimal("10.00"), why="scratched")
    give_all(order)
    assert (order.status, order.refunded) == ("shipped", Decimal("10.00"))
    refund_order(order_id=order.pk, actor="eve")
    give_all(order)
    assert (order.status, order.refunded) == ("refunded", order.amount)
    amounts = [
        event.amount for event in told() if isinstance(event, OrderChanged) and event.type == "order_refunded"
    ]
    assert amounts == [Decimal("10.00"), Decimal("15.00")]
    assert level("MUG") == (3, 0)  # what was shipped comes back when it comes back
    assert sorted(Mail.objects.filter(kind__startswith="refunded").values_list("kind", flat=True)) == [
        "refunded", "refunded-2",
    ]  # fmt: skip


@pytest.mark.parametrize("amount", ["0", "-1", "25.01"])
def test_no_more_than_was_paid_is_refunded(amount: str) -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    with pytest.raises(InvalidRefund, match=r"€25\.00 can be refunded"):
        refund_order(order_id=order.pk, actor="eve", amount=Decimal(amount))
    assert Order.objects.get(pk=order.pk).status == "paid"


def test_what_was_paid_elsewhere_is_not_refunded_here() -> None:
    handle_orders([order_message(order_id="i1", user_id="u", product_ids=["x"], amount=5, status="paid")])
    with pytest.raises(InvalidRefund, match="paid elsewhere"):
        refund_order(order_id="i1", actor="eve")


@pytest.mark.parametrize("act", [pack_order, ship_order, deliver_order])
def test_nothing_goes_out_while_its_money_is_on_the_way_back(act: Callable[..., Order]) -> None:
    """The table has ways out of a pending refund, for the refund that ends."""
    product("MUG", 5)
    order = paid({"MUG": 1})
    cancel_order(order_id=order.pk, actor="visitor ada")
    with pytest.raises(ForbiddenMove, match="is being refunded"):
        act(order_id=order.pk, actor="eve")
    assert get(order.pk).status == Status.REFUND_PENDING
    assert [step.name for step in STEPS.values() if step.fits(get(order.pk))] == []
