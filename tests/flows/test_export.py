"""Lists taken away as CSV: what is shown, nothing that a spreadsheet would run, and who took it."""

import csv
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orders.models import Order
from shopsite.desk import export
from shopsite.desk.export import cell
from shopsite.staff.models import StaffAction
from tests.support.shop import paid, place, product
from tests.support.staff import As
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
ORDERS = "admin:orders_order_export"


def taken(client: Client, name: str = ORDERS, **query: str) -> list[dict[str, str]]:
    """The rows of an export."""
    answer: Any = client.get(reverse(name), query)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert isinstance(answer, StreamingHttpResponse)
    text = b"".join(answer).decode("utf-8")
    return list(csv.DictReader(StringIO(text)))


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "\n@x", "\u00a0=1", "\ufeff=1", "＝1", "\tx"],
)
def test_text_that_a_spreadsheet_would_run_is_made_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-5, Decimal("-1.50"), 0, 2.5])
def test_numbers_stay_numbers(value: object) -> None:
    assert cell(value) == value


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a=b", "a=b"), ("Ærø 東京", "Ærø 東京"), ("", ""), (None, ""), (True, "yes"),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
    ],
)  # fmt: skip
def test_harmless_values_are_written_as_they_are(value: object, written: str) -> None:
    assert cell(value) == written


def test_an_export_has_the_rows_that_the_list_shows_and_no_formula(staff: As) -> None:
    product("MUG", 9)
    order, other = paid({"MUG": 1}, email="=cmd@example.org"), place({"MUG": 2})
    Order.objects.filter(pk=order.pk).update(name='Zoë "Z", 東京')
    operator = staff("operator")
    rows = taken(operator, status__exact="paid")
    assert [row["order_id"] for row in rows] == [order.pk]
    assert rows[0]["email"] == "'=cmd@example.org"
    assert rows[0]["name"] == 'Zoë "Z", 東京'
    assert Decimal(rows[0]["amount"]) == order.amount
    assert [row["order_id"] for row in taken(operator, q=other.pk)] == [other.pk]


def test_who_took_what_away_stands_in_the_audit_log(staff: As) -> None:
    product("MUG", 9)
    paid({"MUG": 1})
    taken(staff("operator"), status__exact="paid")
    row = StaffAction.objects.get(action="export")
    assert (row.actor, row.kind, row.what) == ("operator", "orders", "1 rows: status__exact=paid")


@pytest.mark.parametrize(
    "name", [ORDERS, "admin:catalogue_product_export", "admin:inventory_movement_export"]
)
def test_looking_is_not_enough_to_take_a_list_away(staff: As, name: str) -> None:
    viewer = staff("viewer")
    assert viewer.get(reverse(name)).status_code == 403
    assert reverse(name) not in viewer.get(reverse(name.replace("export", "changelist"))).content.decode()
    assert not StaffAction.objects.filter(action="export").exists()


def test_stock_and_ledger_are_taken_away_by_the_stock_keeper(staff: As) -> None:
    product("MUG", 9)
    paid({"MUG": 2})
    keeper = staff("stock keeper")
    products = taken(keeper, "admin:catalogue_product_export")
    assert [(row["product_id"], row["on_hand"], row["reserved"]) for row in products] == [("MUG", "7", "0")]
    ledger = taken(keeper, "admin:inventory_movement_export")
    assert [row["change"] for row in ledger] == ["-2", "9"]
    assert keeper.get(reverse(ORDERS)).status_code == 403


def test_an_export_is_bounded_and_its_name_says_so(staff: As, monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 9)
    for _ in range(3):
        place({"MUG": 1})
    monkeypatch.setattr(export, "MAX_ROWS", 2)
    answer: Any = staff("operator").get(reverse(ORDERS))
    assert "-first-2.csv" in answer["Content-Disposition"]
    assert b"".join(answer).count(b"\r\n") == 3


def test_an_export_of_many_rows_takes_few_queries_and_little_memory(
    staff: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    product("MUG", 90)
    for _ in range(7):
        place({"MUG": 1})
    monkeypatch.setattr(export, "BLOCK", 2)
    operator = staff("operator")
    with CaptureQueriesContext(connection) as asked:
        answer: Any = operator.get(reverse(ORDERS))
        blocks = [block.count(b"\r\n") for block in answer]
    assert max(blocks) == 2
    assert len(asked) <= 9


@pytest.mark.django_db(transaction=True)
async def test_the_server_streams_it_too(async_client: AsyncClient) -> None:
    user = await sync_to_async(User.objects.create_superuser)("root")
    await sync_to_async(product)("MUG", 9)
    await async_client.aforce_login(user)
    answer: Any = await async_client.get(reverse("admin:catalogue_product_export"))
    text = b"".join([block async for block in answer])
    assert b"MUG" in text
