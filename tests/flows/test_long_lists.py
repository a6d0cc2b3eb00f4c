"""Lists of a great many rows: counted a little further than where one is, leafed through along indexes."""

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.admin import ModelAdmin, site
from django.core.management import call_command
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django.asserts import assertHTMLEqual

from orders.models import Order
from shopsite.desk import lists
from shopsite.orderdesk.admin import OrderAdmin
from tests.support.shop import product
from tests.support.staff import As
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
LIST = "admin:orders_order_changelist"
LEAVES: dict[str, QuerySet[Order]] = {
    "by time": Order.objects.order_by("-placed_at", "-pk"),
    "by amount": Order.objects.order_by("-amount", "-placed_at", "-pk"),
    "by amount, smallest first": Order.objects.order_by("amount", "placed_at", "pk"),
}


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty orders, where ten rows are a page, and twenty are a great many."""
    for sku in ("MUG", "CUP", "CAP"):
        product(sku, 5)
    call_command("fill_orders", orders=60, stdout=StringIO())
    Order.objects.update(status="delivered")
    for number, order in enumerate(Order.objects.order_by("pk")):
        at = timezone.now() - timedelta(minutes=number // 2)  # two at a time: equals must not be mixed up
        Order.objects.filter(pk=order.pk).update(placed_at=at, changed_at=at, amount=number // 3)
    monkeypatch.setattr(OrderAdmin, "list_per_page", 10)
    monkeypatch.setattr(lists, "COUNTED", 20)
    monkeypatch.setattr(lists, "PAGES_AHEAD", 1)
    monkeypatch.setattr(lists, "FIRST_ROWS", 10)


def shown(client: Client, **query: str) -> list[str]:
    return [order.pk for order in client.get(reverse(LIST), query).context["cl"].result_list]


@pytest.mark.parametrize(
    ("query", "order_by"),
    [
        ({}, ("-placed_at", "-pk")),
        ({"o": "4"}, ("amount", "placed_at", "pk")),
        ({"o": "-4"}, ("-amount", "-placed_at", "-pk")),
        ({"o": "3"}, ("placed_at", "pk")),
    ],
)
@pytest.mark.usefixtures("many")
def test_pages_near_and_far_down_go_on_where_the_one_before_ends(
    staff: As, query: dict[str, str], order_by: tuple[str, ...]
) -> None:
    client = staff("operator")
    seen = [key for page in (1, 2, 6) for key in shown(client, p=str(page), **query)]
    keys = list(Order.objects.order_by(*order_by).values_list("pk", flat=True))
    assert seen == keys[:20] + keys[50:]


def test_the_box_before_a_row_is_the_one_that_django_writes() -> None:
    row, desk = Order(order_id='a"<b'), OrderAdmin(Order, site)
    assertHTMLEqual(desk.action_checkbox(row), ModelAdmin.action_checkbox(desk, row))


@pytest.mark.usefixtures("many")
def test_a_list_is_counted_a_little_further_than_where_one_is(staff: As) -> None:
    client = staff("operator")
    assert "20+ orders" in client.get(reverse(LIST)).content.decode()
    assert "40+ orders" in client.get(reverse(LIST), {"p": "3"}).content.decode()
    assert "60 orders" in client.get(reverse(LIST), {"p": "6"}).content.decode()


@pytest.mark.usefixtures("many")
def test_a_page_far_down_takes_one_query_more(staff: As) -> None:
    client = staff("operator")
    counts = []
    for page in ("1", "4"):
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse(LIST), {"p": page})
        counts.append(len(queries))
    assert counts[1] == counts[0] + 1 <= 8


@pytest.mark.usefixtures("many")
def test_a_list_is_sorted_by_what_has_an_index_only(staff: As) -> None:
    client = staff("operator")
    assert shown(client, o="2") == shown(client)
    longest = Order.objects.order_by("changed_at", "placed_at", "pk").values_list("pk", flat=True)
    assert shown(client, o="7", status__exact="delivered") == list(longest[:10])


@pytest.mark.usefixtures("many")
def test_a_phone_is_offered_every_column_that_the_header_sorts_by(staff: As) -> None:
    client = staff("operator")
    page = client.get(reverse(LIST), {"o": "-4", "q": "", "status__exact": "delivered", "p": "2"})
    offered = page.content.decode().partition('<details class="sorts">')[2].partition("</details>")[0]
    sorts = page.context["cl"].sorts()
    assert [sort.column for sort in sorts] == ["order id", "placed at", "amount", "since"]
    assert [way for sort in sorts for way, _, is_now in sort.ways if is_now] == ["descending"]
    for sort in sorts:
        for word, address, _ in sort.ways:
            assert f'aria-label="{sort.column.capitalize()}, {word}"' in offered
            assert "status__exact=delivered" in address
            assert "p=" not in address
    (smallest,) = [address for sort in sorts if sort.column == "amount" for _, address, _ in sort.ways[:1]]
    keys = [row.pk for row in client.get(reverse(LIST) + smallest).context["cl"].result_list]
    assert keys == list(Order.objects.order_by("amount", "placed_at", "pk").values_list("pk", flat=True)[:10])


@pytest.mark.parametrize("name", LEAVES)
def test_the_keys_of_a_page_are_read_from_an_index_alone(name: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    plan = LEAVES[name].values("pk")[100:150].explain()
    assert "Index Only Scan" in plan or "COVERING INDEX" in plan
    assert "TEMP B-TREE" not in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(("origin", "found"), [("shop", 60), ("other", 0), ("elsewhere", 0), ("x", 60)])
@pytest.mark.usefixtures("many")
def test_orders_are_found_by_where_they_came_from(staff: As, origin: str, found: int) -> None:
    Order.objects.update(source="shop", elsewhere=False)
    assert staff("operator").get(reverse(LIST), {"origin": origin}).context["cl"].queryset.count() == found
