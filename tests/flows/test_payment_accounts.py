"""`payments reconcile`: what has no end is asked for, and a difference made on purpose is named."""

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from orders.models import Order, Payment, Refund
from shopsite.fulfilment import accounts, charge, refund_order
from tests.support.gateway import Bank
from tests.support.shop import NUMBERS, paid, place, product, read_back

pytestmark = pytest.mark.django_db(transaction=True)


def reconcile() -> dict[str, Any]:
    """What the command tells; it ends with 1 exactly where something differs."""
    out, status = StringIO(), 0
    try:
        call_command("payments", "reconcile", "--json", stdout=out)
    except SystemExit as end:
        status = int(str(end.code))
    told: dict[str, Any] = json.loads(out.getvalue())
    assert status == (0 if told["ok"] else 1)
    return told


@pytest.fixture
def order(bank: Bank) -> Order:
    product("MUG", 5)
    return paid({"MUG": 2})


def test_books_that_agree_are_told_to_agree(order: Order) -> None:
    refund_order(order_id=order.pk, actor="eve", amount=Decimal("5"))
    told = reconcile()  # which has the refund given, too
    assert (told["ok"], told["payments"], told["open"]) == (True, 1, 0)
    assert Refund.objects.get().state == "done"


def test_a_payment_whose_answer_was_lost_is_asked_for(bank: Bank) -> None:
    product("MUG", 5)
    order = place({"MUG": 1}, card=NUMBERS["timeout"])
    read_back(order)
    charge(order.pk)
    assert Payment.objects.get().state == "due"
    assert reconcile()["ok"]
    order.refresh_from_db()
    assert order.status == "paid"


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("state", "declined", [("state", "captured"), ("captured", "25")]),
        ("amount", Decimal("24"), [("captured", "25")]),
        ("refunded", Decimal("1"), [("refunded", "0")]),
    ],
)
def test_a_difference_made_on_purpose_is_named(
    order: Order, field: str, value: object, named: list[tuple[str, str]]
) -> None:
    Payment.objects.update(**{field: value})
    told = reconcile()
    found = [(row["name"], row["theirs"].rstrip("0").rstrip(".") or "0") for row in told["differences"]]
    assert found == named
    assert {row["payment"] for row in told["differences"]} == {order.pk}


def test_a_charge_that_the_gateway_never_heard_of_is_named(order: Order) -> None:
    Payment.objects.update(key="forged")
    rows = [(row["name"], row["theirs"]) for row in reconcile()["differences"]]
    assert rows == [("state", "never heard of it"), ("captured", "0")]


def test_a_refund_that_only_one_side_has_given_is_named(bank: Bank, order: Order) -> None:
    status, _ = bank.call(
        "POST", "/v1/refunds", json.dumps({"payment": order.pk, "amount": "3"}).encode(), key="by-hand"
    )
    assert status == 200
    payment = Payment.objects.get()
    Refund.objects.create(
        order=order,
        payment=payment,
        key="ours",
        amount=4,
        actor="eve",
        state="done",
        created_at=timezone.now(),
    )
    Payment.objects.update(refunded=4)
    assert {(row["name"], row["ours"], row["theirs"]) for row in reconcile()["differences"]} == {
        ("refund by-hand", "not given", "3"),
        ("refund ours", "4.000000", "not given"),
    }


def test_every_payment_is_compared_once_however_many_were_made_at_a_time(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "PAGE", 2)
    product("MUG", 20)
    for _ in range(7):
        paid({"MUG": 1})
    at = timezone.now()
    Payment.objects.update(created_at=at)
    Payment.objects.filter(pk=Payment.objects.order_by("-pk")[3].pk).update(created_at=at - timedelta(days=3))
    told = accounts.reconcile_payments(since=at - timedelta(days=1))
    assert (told.payments, told.differences) == (6, [])


def test_payments_are_compared_without_a_look_at_those_of_years() -> None:
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        plan = accounts.ended(timezone.now(), 0)[: accounts.PAGE].explain()
    assert "payment_by_time" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan
