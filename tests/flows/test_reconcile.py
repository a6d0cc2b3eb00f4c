"""reconcile finds every level that is not what its rows add up to, and mends nothing unasked."""

import json

import pytest
from django.core.management import call_command
from django.db.models import F

from inventory.models import Level, Movement, Reservation
from shopsite.fulfilment import handle_orders
from tests.support.messages import order_message
from tests.support.shop import level, paid, place, product, stock_is_sound

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
    assert "4 products: every level is what its rows add up to." in capsys.readouterr().out


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
