"""Each test card, against the gateway's own process, its webhooks delivered to the whole site over HTTP."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest
from django.conf import settings
from django.utils import timezone
from pytest_django.fixtures import Settings

from inventory.models import Reservation
from orders.models import Order, Payment, PaymentCall, PaymentWebhook
from orders.payments.cards import TEST_CARDS
from shopsite.fulfilment import cancel_order, charge_due, expire_reservations
from shopsite.gateway.scripts import SCRIPTS
from tests.support import until
from tests.support.gateway import Bank
from tests.support.shop import NUMBERS, level, place, product, read_back, stock_is_sound
from tests.support.site import serving

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard(settings: Settings) -> Iterator[None]:
    """The site runs, and the gateway knows where."""
    with serving() as address:
        settings.WEBHOOK_ORIGIN = address
        yield


def ordered(outcome: str) -> Order:
    product("MUG", 5)
    order = place({"MUG": 2}, card=NUMBERS[outcome])
    read_back(order)
    charge_due()
    return order


def status(order: Order) -> str:
    order.refresh_from_db(fields=["status"])
    return order.status


def becomes(order: Order, wanted: str) -> None:
    """A worker works until the order is there."""
    until(lambda: status(order) == wanted or charge_due() < 0)


def verdicts() -> list[str]:
    return list(PaymentWebhook.objects.values_list("verdict", flat=True))


def pauses_are_over(order: Order) -> None:
    order.payments.filter(state="due").update(next_try_at=timezone.now())


def answer_the_bank(order: Order, agree: str) -> None:
    """The shopper presses a button on the bank's page, and is sent back to the order's."""
    page = urlsplit(order.payments.get().confirm_url)
    connection = HTTPConnection(str(page.hostname), page.port, timeout=10)
    connection.request("POST", page.path, urlencode({"agree": agree}))
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Location"]) == (303, f"{settings.SHOP_ORIGIN}/orders/{order.pk}/")
    connection.close()


def test_the_shop_and_the_gateway_know_the_same_cards() -> None:
    assert {card.outcome for card in TEST_CARDS} == set(SCRIPTS)


def test_each_call_is_stored_with_its_key_and_completed_by_its_answer(bank: Bank) -> None:
    order = ordered("approve")
    assert status(order) == "paid"
    rows = [(call.kind, call.key, call.outcome) for call in PaymentCall.objects.all()]
    assert rows == [("authorise", order.pk, "authorised"), ("capture", f"{order.pk}/capture", "captured")]
    for call in PaymentCall.objects.all():
        assert call.asked_at and call.answered_at
        assert call.stored_at <= call.asked_at <= call.answered_at
    assert (bank.asked(order.pk, "authorise"), bank.asked(order.pk, "capture")) == (1, 1)
    assert bank.money(order.pk) == (order.amount, Decimal(0))


@pytest.mark.parametrize("outcome", ["decline", "insufficient"])
def test_a_refused_card_is_never_captured(bank: Bank, outcome: str) -> None:
    order = ordered(outcome)
    assert status(order) == "payment_failed"
    assert [call.kind for call in PaymentCall.objects.all()] == ["authorise"]
    assert bank.asked(order.pk, "capture") == 0


def test_a_lost_answer_is_told_by_a_webhook_and_charged_once(bank: Bank, heard: None) -> None:
    order = ordered("timeout")
    assert status(order) == "placed"
    becomes(order, "paid")
    assert [call.outcome for call in PaymentCall.objects.all()] == ["no_answer", "authorised", "captured"]
    assert bank.asked(order.pk, "authorise") == 1
    assert verdicts() == ["accepted"]


def test_an_answer_that_comes_thrice_is_written_once(bank: Bank, heard: None) -> None:
    order = ordered("twice")
    assert status(order) == "paid"
    until(lambda: sorted(verdicts()) == ["accepted", "duplicate"])
    charge_due()
    assert order.history.filter(to_status="paid").count() == 1
    assert bank.asked(order.pk, "capture") == 1
    assert level("MUG") == (3, 0)


@pytest.mark.parametrize(
    ("outcome", "judged"),
    [
        ("late", ["accepted"]),
        ("repeated", ["accepted", "duplicate"]),
        ("unordered", ["accepted", "accepted"]),
        ("forged", ["accepted", "signature"]),
    ],
)
def test_a_decision_that_a_webhook_tells_is_taken_once(
    bank: Bank, heard: None, outcome: str, judged: list[str]
) -> None:
    order = ordered(outcome)
    assert status(order) == "placed"
    becomes(order, "paid")
    until(lambda: sorted(verdicts()) == judged)
    charge_due()
    assert bank.asked(order.pk, "capture") == 1
    assert order.mails.count() == 1
    assert stock_is_sound()


def test_a_payment_that_the_shopper_confirms_is_charged(bank: Bank, heard: None) -> None:
    order = ordered("confirm")
    assert status(order) == "placed"
    assert order.payments.get().state == "action"
    assert bank.asked(order.pk, "capture") == 0
    answer_the_bank(order, "yes")
    becomes(order, "paid")
    assert bank.money(order.pk) == (order.amount, Decimal(0))


def test_a_payment_that_the_shopper_declines_fails(bank: Bank, heard: None) -> None:
    order = ordered("confirm")
    answer_the_bank(order, "no")
    becomes(order, "payment_failed")
    assert order.payments.get().reason == "The payment was not confirmed."
    assert level("MUG") == (5, 0)


def test_a_confirmation_whose_webhook_is_lost_is_found_by_asking(bank: Bank) -> None:
    order = ordered("confirm")
    answer_the_bank(order, "yes")
    order.payments.update(next_try_at=timezone.now())  # a minute later
    becomes(order, "paid")


def test_a_reservation_lasts_while_the_shopper_may_confirm_then_the_payment_is_voided(bank: Bank) -> None:
    order = ordered("confirm")
    assert expire_reservations() == 0
    assert Reservation.objects.get().expires_at > timezone.now() + timedelta(minutes=14)
    Reservation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert expire_reservations() == 1
    assert status(order) == "payment_failed"
    assert level("MUG") == (5, 0)
    charge_due()
    assert order.payments.get().state == "void"
    answer_the_bank(order, "yes")  # too late: nothing comes of it
    charge_due()
    assert bank.money(order.pk) == (Decimal(0), Decimal(0))
    assert status(order) == "payment_failed"


def test_an_order_cancelled_before_the_shopper_confirms_is_never_charged(bank: Bank) -> None:
    order = ordered("confirm")
    cancel_order(order_id=order.pk, actor="ada")
    charge_due()
    known = bank.state(order.pk)
    assert known and known["state"] == "voided"
    assert Payment.objects.get().state == "void"
    assert level("MUG") == (5, 0)
