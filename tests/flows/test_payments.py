"""Charging: once, outside transactions, and an answer that is late or lost still comes out right."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from inventory.models import Movement, Reservation
from orders import payments
from orders.models import Mail, Order, Payment, Refund
from orders.payments.gateway import Card, Known, NoAnswer, Standing
from orders.payments.simulated import SimulatedGateway
from shopsite.fulfilment import (
    BeingPaid,
    ForbiddenMove,
    OutOfStock,
    cancel_order,
    charge,
    due_charges,
    expire_reservations,
    give_refund,
    handle_orders,
    pay_again,
)
from tests.support.gateway import Bank
from tests.support.messages import order_message
from tests.support.shop import (
    APPROVED,
    DECLINED,
    INSUFFICIENT,
    TIMES_OUT,
    level,
    paid,
    place,
    product,
    read_back,
    stock_is_sound,
    told_types,
)

pytestmark = pytest.mark.django_db


class Gateway(SimulatedGateway):
    """The gateway over HTTP, counting captures; `silent` does as it is told and says nothing of it."""

    def __init__(self, far_side: Bank) -> None:
        self.far_side = far_side
        self.charges = 0
        self.silent = self.silent_after_capture = False

    def authorise(self, *, key: str, token: str, amount: Decimal, currency: str, return_url: str) -> Standing:
        standing = super().authorise(
            key=key, token=token, amount=amount, currency=currency, return_url=return_url
        )
        if self.silent:
            raise NoAnswer("silence")
        return standing

    def capture(self, *, payment: Known, key: str) -> Standing:
        self.charges += 1
        standing = super().capture(payment=payment, key=key)
        if self.silent_after_capture:
            raise NoAnswer("silence")
        return standing

    def state(self, *, payment: Known) -> Standing | None:
        if self.silent or self.silent_after_capture:
            raise NoAnswer("silence")
        return super().state(payment=payment)


@pytest.fixture
def bank(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    gateway = Gateway(bank)
    monkeypatch.setattr(payments, "gateway", lambda: gateway)
    return gateway


def _dies(_answers: object) -> None:
    raise KeyboardInterrupt


def due_now(order: Order) -> None:
    """The back-off of an order's payment is over."""
    order.payments.filter(state="due").update(next_try_at=timezone.now())


def too_old(order: Order, hours: int = 0) -> None:
    """The order's reservation is over, and it has been with us for so long."""
    Reservation.objects.filter(order_id=order.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    order.payments.update(created_at=timezone.now() - timedelta(hours=hours))


def test_nothing_is_charged_before_the_event_has_come_back(bank: Gateway) -> None:
    product("MUG", 5)
    order = place({"MUG": 1})
    charge(order.pk)
    assert bank.charges == 0
    assert due_charges(10) == []
    read_back(order)
    assert due_charges(10) == [order.pk]


def test_a_paid_order_has_sold_its_units_and_one_confirmation(bank: Gateway) -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    assert level("MUG") == (3, 0)
    assert Movement.objects.get(order_id=order.pk).change == -2
    assert Mail.objects.get(order=order).kind == "confirmation"
    assert told_types() == ["order_paid"]
    assert stock_is_sound()


def test_a_redelivered_order_is_charged_once(bank: Gateway) -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    for _ in range(3):
        read_back(order)
        charge(order.pk)
    assert bank.charges == 1
    assert level("MUG") == (3, 0)
    assert told_types() == ["order_paid"]


@pytest.mark.parametrize(("card", "reason"), [(DECLINED, "declined"), (INSUFFICIENT, "insufficient")])
def test_a_declined_card_gives_the_stock_back_and_tells_the_shopper(
    bank: Gateway, card: str, reason: str
) -> None:
    product("MUG", 5)
    order = place({"MUG": 2}, card=card)
    read_back(order)
    charge(order.pk)
    order.refresh_from_db()
    assert order.status == "payment_failed"
    assert level("MUG") == (5, 0)
    mail = Mail.objects.get(order=order)
    assert mail.kind == "payment_failed"
    assert reason in mail.facts["reason"]
    assert told_types() == ["order_payment_failed"]


def test_a_shopper_can_pay_again_with_another_card(bank: Gateway) -> None:
    product("MUG", 5)
    order = place({"MUG": 2}, card=DECLINED)
    read_back(order)
    charge(order.pk)
    pay_again(order_id=order.pk, card=DECLINED)
    charge(order.pk)
    pay_again(order_id=order.pk, card=APPROVED)
    assert level("MUG") == (5, 2)
    charge(order.pk)
    order.refresh_from_db()
    assert order.status == "paid"
    assert level("MUG") == (3, 0)
    assert sorted(order.mails.values_list("kind", flat=True)) == [
        "confirmation", "payment_failed", "payment_failed-2",
    ]  # fmt: skip
    assert stock_is_sound()


def test_paying_again_for_what_is_sold_meanwhile_says_so(bank: Gateway) -> None:
    product("MUG", 2)
    order = place({"MUG": 2}, card=DECLINED)
    read_back(order)
    charge(order.pk)
    place({"MUG": 1})
    with pytest.raises(OutOfStock):
        pay_again(order_id=order.pk, card=APPROVED)
    order.refresh_from_db()
    assert order.status == "payment_failed"
    assert stock_is_sound()


def test_a_lost_answer_is_asked_for_and_not_charged_twice(bank: Gateway) -> None:
    product("MUG", 5)
    order = place({"MUG": 2}, card=TIMES_OUT)
    read_back(order)
    charge(order.pk)
    order.refresh_from_db()
    assert order.status == "placed"
    charge(order.pk)  # too early: its pause is not over
    due_now(order)
    charge(order.pk)
    order.refresh_from_db()
    assert order.status == "paid"
    assert bank.charges == 1
    assert bank.far_side.asked(order.pk, "authorise") == 1


def test_a_worker_that_dies_after_asking_leaves_a_payment_that_is_asked_for_first(
    bank: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    read_back(order)
    with monkeypatch.context() as broken:
        broken.setattr("shopsite.fulfilment.charging.write_answers", _dies)
        with pytest.raises(KeyboardInterrupt):
            charge(order.pk)
    charge(order.pk)
    assert bank.charges == 1  # the lease of the dead one still runs
    due_now(order)
    charge(order.pk)
    order.refresh_from_db()
    assert order.status == "paid"
    assert bank.charges == 1


def test_two_workers_at_one_order_ask_once(bank: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    read_back(order)
    ask = Gateway.authorise

    def slow(self: Gateway, **call: Any) -> Standing:
        charge(order.pk)  # the other worker, while this one waits for the bank
        return ask(self, **call)

    monkeypatch.setattr(Gateway, "authorise", slow)
    charge(order.pk)
    assert bank.charges == 1
    assert told_types() == ["order_paid"]


@pytest.mark.django_db(transaction=True)
def test_the_gateway_is_asked_outside_every_transaction(
    bank: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside: list[bool] = []
    ask = Gateway.authorise

    def watched(self: Gateway, **call: Any) -> Standing:
        inside.append(connection.in_atomic_block)
        return ask(self, **call)

    monkeypatch.setattr(Gateway, "authorise", watched)
    product("MUG", 5)
    order = place({"MUG": 2})
    read_back(order)
    charge(order.pk)
    assert inside == [False]


def test_a_reservation_is_kept_while_the_charge_is_on_its_way(bank: Gateway) -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    too_old(order)
    assert expire_reservations() == 0  # Kafka is away, so its event is not back yet
    assert level("MUG") == (5, 2)
    read_back(order)
    charge(order.pk)
    assert level("MUG") == (3, 0)


def test_an_order_that_nobody_charges_for_a_day_is_cancelled_and_gives_its_units_back(bank: Gateway) -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    too_old(order, hours=25)
    assert expire_reservations() == 1
    assert expire_reservations() == 0
    order.refresh_from_db()
    assert order.status == "cancelled"
    assert level("MUG") == (5, 0)
    read_back(order)
    charge(order.pk)
    assert bank.charges == 0
    assert Payment.objects.get(order=order).state == "void"
    assert told_types() == ["order_cancelled"]


def silent_for_a_day(bank: Gateway, *, captured: bool = False) -> Order:
    """An order whose bank set the money aside, or took it, and was silent until its units were given back."""
    order = place({"MUG": 2})
    read_back(order)
    bank.silent, bank.silent_after_capture = not captured, captured
    charge(order.pk)
    too_old(order, hours=25)
    assert expire_reservations() == 1
    order.refresh_from_db()
    assert order.status == "payment_failed"
    bank.silent = bank.silent_after_capture = False
    due_now(order)
    return order


@pytest.mark.parametrize("captured", [False, True])
def test_a_late_answer_takes_the_units_again_where_they_are_still_there(
    bank: Gateway, captured: bool
) -> None:
    product("MUG", 2)
    order = silent_for_a_day(bank, captured=captured)
    assert level("MUG") == (2, 0)
    charge(order.pk)
    charge(order.pk)  # where it was only authorised, the order is placed again first
    order.refresh_from_db()
    assert order.status == "paid"
    assert bank.charges == 1
    assert level("MUG") == (0, 0)
    assert stock_is_sound()


def test_late_money_for_what_is_gone_is_given_back_and_the_shopper_told(bank: Gateway) -> None:
    product("MUG", 2)
    order = silent_for_a_day(bank, captured=True)
    paid({"MUG": 1})
    charge(order.pk)
    give_refund(Refund.objects.get(order=order).pk)
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("payment_failed", order.amount)
    assert "refunded" in order.mails.values_list("kind", flat=True)
    assert bank.far_side.money(order.pk) == (order.amount, order.amount)
    assert stock_is_sound()


def test_money_set_aside_too_late_for_what_is_gone_is_never_taken(bank: Gateway) -> None:
    product("MUG", 2)
    order = silent_for_a_day(bank)
    paid({"MUG": 1})
    charge(order.pk)
    charge(order.pk)
    assert order.payments.get().state == "void"
    known = bank.far_side.state(order.pk)
    assert known and known["state"] == "voided"
    assert bank.far_side.money(order.pk) == (Decimal(0), Decimal(0))
    order.refresh_from_db()
    assert (order.status, order.refunded) == ("payment_failed", 0)
    assert stock_is_sound()


def test_nobody_pays_again_or_cancels_while_the_bank_is_asked(bank: Gateway) -> None:
    product("MUG", 2)
    order = silent_for_a_day(bank)
    with pytest.raises(BeingPaid):
        pay_again(order_id=order.pk, card=APPROVED)
    with pytest.raises(BeingPaid):
        cancel_order(order_id=order.pk, actor="test")


def test_a_paid_order_cannot_be_paid_again(bank: Gateway) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    with pytest.raises(ForbiddenMove, match="is paid: another card"):
        pay_again(order_id=order.pk, card=APPROVED)
    assert bank.charges == 1


def test_an_order_of_another_system_is_mailed_once_where_an_address_is_told(bank: Gateway) -> None:
    message = order_message(order_id="1", user_id="2", product_ids=["x"], amount=5, email="ada@example.org")
    handle_orders([message])
    charge("1")
    handle_orders([message])
    charge("1")
    assert [(mail.kind, mail.to, mail.state) for mail in Mail.objects.all()] == [
        ("confirmation", "ada@example.org", "due")
    ]


def test_an_unknown_card_is_declined_and_a_token_says_nothing_of_the_number(bank: Gateway) -> None:
    card = bank.tokenise("5555 5555 5555 4444")
    assert isinstance(card, Card)
    assert card.last4 == "4444"
    assert "5555" not in card.token
    product("MUG", 1)
    order = place({"MUG": 1}, card="5555 5555 5555 4444")
    read_back(order)
    charge(order.pk)
    assert order.payments.get().reason == "The simulated bank knows only the test cards."
