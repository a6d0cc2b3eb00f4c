"""reconcile finds levels that their rows, and orders that stock, contradict, and mends nothing unasked."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F
from django.utils import timezone

from inventory.models import Level, Movement, Reservation
from orders.models import Order
from shopsite.fulfilment import cancel_order, handle_orders
from tests.support.messages import order_message
from tests.support.shop import level, paid, place, product, read_back, stock_is_sound
from tests.support.tamper import tamper

pytestmark = pytest.mark.django_db
Output = pytest.CaptureFixture[str]


@pytest.fixture
def busy() -> None:
    """A shop with sold, reserved and untracked products."""
    product("MUG", 9)
    product("TEE", 9)
    product("EBOOK")
    paid({"MUG": 2, "EBOOK": 1})
    place({"MUG": 1, "TEE": 3, "EBOOK": 4})
    handle_orders([order_message(order_id="i", user_id="u", product_ids=["new"], amount=1, status="paid")])


def reconcile(*options: str) -> int:
    """The command's exit code."""
    try:
        call_command("reconcile", *options)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_a_busy_shop_is_sound(busy: None, capsys: Output) -> None:
    assert reconcile() == 0
    assert (
        "4 products: every level is what its rows add up to, and no order contradicts them."
        in capsys.readouterr().out
    )


def test_each_wrong_level_is_named_and_left_alone(busy: None, capsys: Output) -> None:
    Level.objects.filter(pk="MUG").update(on_hand=F("on_hand") + 1)
    Level.objects.filter(pk="EBOOK").update(reserved=0)
    assert reconcile() == 1
    out = capsys.readouterr().out
    assert "MUG: on_hand is 8, its ledger rows add up to 7" in out
    assert "EBOOK: reserved is 0, open reservations add up to 4" in out
    assert level("MUG") == (8, 1)


def test_it_mends_when_asked_and_never_touches_the_ledger(busy: None, capsys: Output) -> None:
    rows = Movement.objects.count()
    Level.objects.filter(pk="MUG").update(on_hand=99, reserved=99)
    Level.objects.filter(pk="new").delete()
    assert reconcile("--fix") == 0
    assert stock_is_sound()
    assert level("new") == (-1, 0)
    assert Movement.objects.count() == rows
    assert reconcile() == 0


def test_a_reservation_that_was_lost_is_found(busy: None, capsys: Output) -> None:
    Reservation.objects.filter(product_id="TEE").delete()
    assert reconcile("--json") == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["ok"] is False
    assert answer["differences"] == [{"product_id": "TEE", "name": "reserved", "stored": 3, "proved": 0}]


def findings(capsys: Output, *options: str) -> dict[str, Any]:
    """What the command says as JSON, with its exit code."""
    capsys.readouterr()
    code = reconcile("--json", *options)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert told["ok"] is (code == 0)
    return told


def kinds(told: dict[str, Any]) -> list[tuple[str, str]]:
    """(kind, order) of each finding."""
    return [(row["kind"], row["subject"]) for row in told["findings"]]


def hold_again(order: Order) -> None:
    """The order's reservation is open as if nothing had closed it, levels included."""
    for row in Reservation.objects.filter(order_id=order.pk):
        Level.objects.filter(pk=row.product_id).update(reserved=F("reserved") + row.quantity)
    Reservation.objects.filter(order_id=order.pk).update(state="open")


def lose_sales(order: Order) -> None:
    """The ledger lacks what the order sold, levels included."""
    for row in Movement.objects.filter(order_id=order.pk, reason="sale"):
        Level.objects.filter(pk=row.product_id).update(on_hand=F("on_hand") - row.change)
    tamper(f"DELETE FROM inventory_movement WHERE order_id = '{order.pk}'")


def test_a_cancelled_order_that_holds_stock_is_named_and_gives_it_back_when_asked(capsys: Output) -> None:
    product("MUG", 9)
    order = place({"MUG": 2})
    cancel_order(order_id=order.pk, actor="test")
    hold_again(order)
    told = findings(capsys)
    assert kinds(told) == [("ended_holds_stock", order.pk)]
    assert told["findings"][0]["detail"] == "is cancelled, and still has 2 units reserved"
    assert level("MUG") == (9, 2)
    told = findings(capsys, "--fix")
    assert told["done"] == [f"order {order.pk}: what it had reserved was given back"]
    assert level("MUG") == (9, 0)
    assert findings(capsys)["findings"] == []


def test_a_reservation_of_an_order_that_does_not_exist_is_given_back_when_asked(capsys: Output) -> None:
    product("MUG", 9)
    row = Reservation(order_id="ghost", product_id="MUG", quantity=1, state="open", expires_at=timezone.now())
    row.save()
    Level.objects.filter(pk="MUG").update(reserved=1)
    assert kinds(findings(capsys)) == [("ended_holds_stock", "ghost")]
    assert reconcile("--fix") == 0
    assert level("MUG") == (9, 0)


def test_a_paid_order_whose_reservation_is_open_sells_it_when_asked(capsys: Output) -> None:
    product("MUG", 9)
    order = paid({"MUG": 2})
    lose_sales(order)
    hold_again(order)
    kept = [("ended_holds_stock", order.pk), ("paid_without_sale", order.pk)]
    assert kinds(findings(capsys)) == kept
    assert findings(capsys, "--fix")["done"] == [f"order {order.pk}: what it had reserved is sold"]
    assert level("MUG") == (7, 0)
    assert stock_is_sound()


def test_a_paid_order_without_its_sale_is_named_and_sells_once_when_asked(capsys: Output) -> None:
    product("MUG", 9)
    product("TEE", 9)
    order = paid({"MUG": 2, "TEE": 1})
    lose_sales(order)
    assert kinds(findings(capsys)) == [("paid_without_sale", order.pk)]
    assert level("MUG") == (9, 0)
    told = findings(capsys, "--fix")
    assert told["done"] == [f"order {order.pk}: 2 sales written into the ledger"]
    assert (level("MUG"), level("TEE")) == ((7, 0), (8, 0))
    assert findings(capsys, "--fix")["done"] == []
    assert Movement.objects.filter(order_id=order.pk, reason="sale").count() == 2


def test_orders_that_were_made_to_measure_on_have_sold_nothing(capsys: Output) -> None:
    product("MUG", 9)
    call_command("fill_orders", orders=200, seed=3)
    assert Order.objects.filter(status="delivered").exists()
    assert findings(capsys)["ok"]


def test_a_reservation_that_nothing_ended_is_named_after_an_hour(capsys: Output) -> None:
    product("MUG", 9)
    order = place({"MUG": 2})
    order.payments.update(state="void")
    rows = Reservation.objects.filter(order_id=order.pk)
    rows.update(expires_at=timezone.now() - timedelta(minutes=50))
    assert findings(capsys)["ok"]
    rows.update(expires_at=timezone.now() - timedelta(minutes=70))
    assert kinds(findings(capsys)) == [("expired", order.pk)]
    assert level("MUG") == (9, 2)
    told = findings(capsys, "--fix")
    assert told["done"] == [f"order {order.pk}: its reservation was ended; it is cancelled"]
    assert level("MUG") == (9, 0)


def test_a_late_reservation_is_kept_while_its_charge_is_on_its_way(capsys: Output) -> None:
    product("MUG", 9)
    order = place({"MUG": 2})
    read_back(order)
    Reservation.objects.update(expires_at=timezone.now() - timedelta(hours=2))
    told = findings(capsys, "--fix")
    assert told["done"] == [f"order {order.pk}: its reservation was extended, because a charge is on its way"]
    assert level("MUG") == (9, 2)


def test_stock_below_zero_is_told_and_is_no_difference(busy: None, capsys: Output) -> None:
    told = findings(capsys)
    assert told["ok"]
    notes = {row["subject"]: row["detail"] for row in told["notices"]}
    assert notes["new"] == "-1 on hand, 0 reserved"
    assert reconcile() == 0
    assert "note: new is below zero: -1 on hand, 0 reserved" in capsys.readouterr().out


def test_what_cannot_be_mended_still_ends_with_1(
    busy: None, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid({"MUG": 1})
    lose_sales(order)
    Level.objects.filter(pk="TEE").update(on_hand=1)
    monkeypatch.setattr("shopsite.fulfilment.reconcile.CURES", {})
    assert reconcile("--fix") == 1
    out = capsys.readouterr().out
    assert "mended: TEE: its level is what its rows add up to" in out
    assert f"still: order {order.pk}: is paid, and the ledger lacks its sale" in out
