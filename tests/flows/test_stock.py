"""The ledger is only ever added to, counts become changes, and what is below zero is shown."""

import re

import pytest
from django.contrib.auth.models import User
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from inventory.models import AppendOnly, Level, Movement, Reservation
from inventory.services import Move, adjust, post, set_count
from shopsite.events.schemas import StockChanged
from tests.support.shop import level, paid, place, product, stock_is_sound, told
from tests.support.tamper import tamper

pytestmark = pytest.mark.django_db
CHANGE = "UPDATE inventory_movement SET change = change + 1"
DELETE = "DELETE FROM inventory_movement"


@pytest.fixture
def desk() -> Client:
    """The admin of somebody who may do everything."""
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    return browser


# --- append only ------------------------------------------------------------------------------
def test_no_code_changes_or_deletes_a_row_of_the_ledger() -> None:
    product("MUG", 5)
    row = Movement.objects.get()
    row.change = 6
    with pytest.raises(AppendOnly):
        row.save()
    with pytest.raises(AppendOnly):
        row.delete()
    with pytest.raises(AppendOnly):
        Movement.objects.update(change=6)
    with pytest.raises(AppendOnly):
        Movement.objects.filter(pk=row.pk).delete()
    with pytest.raises(AppendOnly), transaction.atomic():
        Movement.objects.bulk_update([row], ["change"])
    assert Movement.objects.get().change == 5


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has no trigger: migration 0003")
@pytest.mark.parametrize("statement", [CHANGE, DELETE])
def test_postgresql_refuses_it_from_anybody(statement: str) -> None:
    product("MUG", 5)
    with (
        pytest.raises(DatabaseError, match="append only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Movement.objects.get().change == 5


def test_without_that_guard_the_ledger_could_be_falsified() -> None:
    product("MUG", 5)
    assert tamper(CHANGE) == 1
    assert Movement.objects.get().change == 6
    assert not stock_is_sound()


def test_a_row_says_who_why_for_which_order_and_where_it_came_from() -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    now = timezone.now()
    post([Move("w-1", "MUG", 7, "delivery", "warehouse", now, "", "inventory:0:12")], tell=False)
    sale, delivery = Movement.objects.order_by("pk")[1:3]
    assert (sale.reason, sale.order_id, sale.origin) == ("sale", order.order_id, None)
    assert (delivery.actor, delivery.origin) == ("warehouse", "inventory:0:12")


# --- counts -----------------------------------------------------------------------------------
@pytest.mark.parametrize(("counted", "change"), [(17, 12), (3, -2), (0, -5)])
def test_a_count_becomes_the_change_that_leads_there(counted: int, change: int) -> None:
    product("MUG", 5)
    assert set_count(product_id="MUG", counted=counted, reason="count", actor="ada") == change
    assert level("MUG") == (counted, 0)
    row = Movement.objects.latest("pk")
    assert (row.change, row.reason, row.actor) == (change, "count", "ada")
    event = told("inventory")[-1]
    assert isinstance(event, StockChanged) and event.quantity_change == change


def test_a_count_that_agrees_writes_nothing_and_tracks_from_now_on() -> None:
    product("MUG")
    assert set_count(product_id="MUG", counted=0, reason="count", actor="ada") == 0
    assert Movement.objects.count() == 0
    assert Level.objects.get().tracked


def test_what_is_reserved_is_part_of_the_count() -> None:
    product("MUG", 5)
    place({"MUG": 2})
    set_count(product_id="MUG", counted=4, reason="count", actor="ada")
    assert level("MUG") == (4, 2)
    assert stock_is_sound()


# --- the desk ---------------------------------------------------------------------------------
def test_staff_write_a_count_or_a_change_and_not_both(desk: Client) -> None:
    product("MUG", 5)
    page = "/admin/catalogue/product/MUG/stock/"
    for wrong in ({}, {"change": "1", "counted": "2"}, {"change": "0"}, {"counted": "x"}):
        assert desk.post(page, {"reason": "count", **wrong}).status_code == 200
    assert level("MUG") == (5, 0)
    assert desk.post(page, {"reason": "count", "counted": "17"}).status_code == 302
    assert desk.post(page, {"reason": "damage", "change": "-2"}).status_code == 302
    assert level("MUG") == (15, 0)


def test_more_promised_than_there_is_is_said_and_found(desk: Client) -> None:
    product("MUG", 5)
    product("CUP", 50)
    place({"MUG": 4})
    answer = desk.post(
        "/admin/catalogue/product/MUG/stock/", {"reason": "count", "counted": "1"}, follow=True
    )
    assert "4 are promised, and 1 are there." in answer.content.decode()
    found = desk.get("/admin/catalogue/product/?left=short").content.decode()
    assert "3 below zero" in found
    assert "CUP" not in re.sub(r"<option.*?</option>", "", found)


def test_the_list_says_how_products_sell(desk: Client) -> None:
    product("MUG", 100)
    for _ in range(10):
        paid({"MUG": 3})
    adjust(product_id="MUG", change=-10, reason="damage", actor="ada")
    page = desk.get("/admin/catalogue/product/").content.decode()
    assert re.search(r'field-sells">180<', page)  # 30 in the ten minutes that count at least
    assert re.search(r'field-lasts">20 min \(\d+ min to \d+ min\)<', page)
    assert (
        "180 ± 57 an hour, by 10 sales in 10 min"
        in desk.get("/admin/catalogue/product/MUG/change/").content.decode()
    )


def test_a_reservation_has_an_owner_and_an_end() -> None:
    product("MUG", 5)
    order = place({"MUG": 2})
    kept = Reservation.objects.get()
    assert (kept.order_id, kept.quantity) == (order.order_id, 2)
    assert kept.expires_at > timezone.now()
