"""The admin as staff use it: lists that stay quick, actions that report, roles that end where they should."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.models import Movement
from orders.models import Order
from orders.states import Status
from shopsite.desk import sure
from shopsite.fulfilment import charge, give_due, give_refund, handle_orders, pack_order, refund_order
from tests.support.messages import order_message
from tests.support.shop import level, paid, place, product, told_types
from tests.support.staff import As, act
from tests.support.staff import staff as staff

pytestmark = pytest.mark.django_db
ROWS = 50


def fill() -> None:
    """Enough rows for a whole page of every list."""
    batch = [
        order_message(order_id=f"o{n}", user_id="u", product_ids=[f"p{n}", "x"], amount=n, email="a@b.de")
        for n in range(ROWS)
    ]
    handle_orders(batch)
    for n in range(ROWS):
        charge(f"o{n}")


@pytest.mark.parametrize("term", ["o1", "O1", "A@B", "p7"])
def test_a_search_finds_orders_by_number_address_and_product_in_few_queries(staff: As, term: str) -> None:
    fill()
    client = staff("viewer")
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse("admin:orders_order_changelist"), {"q": term}).content.decode()
    assert "/o7/" in page or "/o1/" in page
    assert len(queries) <= 8
    assert (
        "0 orders" in client.get(reverse("admin:orders_order_changelist"), {"q": "nothing"}).content.decode()
    )


def test_an_order_page_shows_everything_that_belongs_to_it_in_a_bounded_number_of_queries(staff: As) -> None:
    skus = {f"P{n}": 1 for n in range(30)}
    for sku in skus:
        product(sku, 5)
    order = paid(skus)
    client = staff("viewer")
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
    assert len(queries) <= 14, [query["sql"] for query in queries]
    for text in ("The P17", "checkout", "charged", "4242", "is confirmed", "Ada Morgenstern"):
        assert text in page


def test_an_orders_history_tells_each_status_in_words(staff: As) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    refund_order(order_id=order.pk, actor="ada", why="broken")
    give_due()
    page = staff("viewer").get(reverse("admin:orders_order_change", args=[order.pk])).content.decode()
    history = page.partition("From status")[2].partition("Payments")[0]
    assert history.count("Refund pending") == 2  # where it came to, and where it left from


def test_an_action_says_of_each_order_what_became_of_it(staff: As) -> None:
    product("MUG", 5)
    good, bad = paid({"MUG": 1}), place({"MUG": 1})
    page = act(staff("operator"), "pack", good.pk, bad.pk)
    assert f"1 packed: {good.pk}." in page
    assert f"Order {bad.pk} is placed and cannot become packed" in page
    row = Order.objects.get(pk=good.pk).history.last()
    assert row is not None
    assert (row.to_status, row.actor) == ("packed", "operator")


def test_an_action_names_a_whole_page_of_orders_one_by_one(staff: As) -> None:
    product("MUG", 99)
    orders = [paid({"MUG": 1}).pk for _ in range(30)]
    page = act(staff("operator"), "pack", *orders)
    assert f"30 packed: {', '.join(orders)}." in page


def test_of_more_orders_than_an_action_takes_none_is_touched(
    staff: As, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sure, "MOST", 2)
    product("MUG", 9)
    orders = [paid({"MUG": 1}).pk for _ in range(3)]
    assert "an action takes at most 2 rows" in act(staff("operator"), "pack", orders[0], select_across="1")
    assert set(Order.objects.values_list("status", flat=True)) == {"paid"}


def test_orders_are_packed_shipped_and_delivered_from_the_list(staff: As) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    client = staff("operator")
    act(client, "pack", order.pk)
    for action in ("ship", "deliver"):
        act(client, action, order.pk, confirmed="yes")
    assert Order.objects.get(pk=order.pk).status == "delivered"
    assert told_types() == ["order_paid", "order_packed", "order_shipped", "order_delivered"]


def test_cancelling_asks_why_first(staff: As) -> None:
    product("MUG", 5)
    order = place({"MUG": 1})
    client = staff("operator")
    assert "Why" in act(client, "cancel", order.pk)
    assert Order.objects.get(pk=order.pk).status == "placed"
    assert "1 cancelled" in act(client, "cancel", order.pk, confirmed="yes", why="ordered twice")
    row = Order.objects.get(pk=order.pk).history.last()
    assert row is not None
    assert (row.to_status, row.why) == ("cancelled", "ordered twice")
    assert level("MUG") == (5, 0)


def test_before_an_order_is_cancelled_it_is_said_what_will_happen(staff: As) -> None:
    product("MUG", 9)
    waits, bought, gone = place({"MUG": 1}), paid({"MUG": 2}), paid({"MUG": 1}, email="")
    pack_order(order_id=gone.pk, actor="eve")
    client = staff("operator")
    told = {
        waits: ["no money goes back", "1 unit is kept for it", "is cancelled”"],
        bought: ["€25.00 goes back to the card ending 4242, all", "2 units are back on", "money back”"],
        gone: ["Nothing: it is packed, and will be refused."],
    }
    in_list = act(client, "cancel", *(order.pk for order in told))
    for order, sentences in told.items():
        page = client.get(reverse("admin:orders_order_do", args=[order.pk, "cancel"])).content.decode()
        assert [text for text in sentences if text not in page or text not in in_list] == []
        assert "can't be undone" in page
    assert [Order.objects.get(pk=order.pk).status for order in told] == ["placed", "paid", "packed"]
    assert "Nobody is written to" in act(client, "refund", gone.pk)


@pytest.mark.parametrize(
    ("action", "was", "told"),
    [
        ("ship", Status.PACKED, ["ada@example.org is written to: “Your order", "is on its way”"]),
        ("deliver", Status.SHIPPED, ["It is over", "Nobody is written to."]),
    ],
)
def test_before_orders_leave_or_are_over_it_is_said_what_will_happen(
    staff: As, action: str, was: Status, told: list[str]
) -> None:
    product("MUG", 5)
    order, other = paid({"MUG": 1}), paid({"MUG": 1})
    Order.objects.filter(pk=order.pk).update(status=was)
    client = staff("operator")
    in_list = act(client, action, order.pk, other.pk)
    alone = client.get(reverse("admin:orders_order_do", args=[order.pk, action])).content.decode()
    for page in (in_list, alone):
        assert [text for text in [*told, "can't be undone"] if text not in page] == []
    assert "Nothing: it is paid, and will be refused." in in_list
    assert {row.status for row in Order.objects.all()} == {"paid", was}
    assert f"Order {other.pk} is paid and cannot become" in act(
        client, action, order.pk, other.pk, confirmed="yes"
    )
    assert order.history.latest("pk").actor == "operator"


def test_packing_by_its_address_says_what_it_does_and_gives_no_money_back(staff: As) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    page = staff("operator").get(reverse("admin:orders_order_do", args=[order.pk, "pack"])).content.decode()
    assert "Nobody is written to." in page
    assert "goes back" not in page


def test_what_a_bulk_action_does_is_told_in_few_queries(staff: As) -> None:
    product("MUG", 99)
    orders = [paid({"MUG": 1}).pk for _ in range(20)]
    client = staff("operator")
    with CaptureQueriesContext(connection) as asked:
        page = act(client, "cancel", *orders)
    assert page.count("goes back to the card") == 20
    assert len(asked) <= 12, [query["sql"] for query in asked]


def test_refunding_asks_how_much_and_more_than_that_is_refused(staff: As) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    client = staff("operator")
    assert "can be refunded" in act(client, "refund", order.pk, confirmed="yes", why="x", amount="99")
    assert "1 to be refunded" in act(
        client, "refund", order.pk, confirmed="yes", why="scratched", amount="2.5"
    )
    give_refund(order.refunds.get().pk)
    order.refresh_from_db()
    assert (order.status, str(order.refunded)) == ("paid", "2.500000")


def test_stock_is_added_with_a_reason_and_stands_in_the_ledger(staff: As) -> None:
    product("MUG", 5)
    client = staff("stock keeper")
    address = reverse("admin:inventory_add_stock", args=["MUG"])
    page = client.get(address).content.decode()
    assert "<b>5</b> on the shelf, <b>0</b> of them promised." in " ".join(page.split())
    assert (
        "Need a number other than 0"
        in client.post(address, {"change": 0, "reason": "delivery"}).content.decode()
    )
    page = client.post(address, {"change": -2, "reason": "damage"}, follow=True).content.decode()
    assert "-2" in page
    assert level("MUG") == (3, 0)
    row = Movement.objects.latest("pk")
    assert (row.change, row.reason, row.actor) == (-2, "damage", "stock-keeper")


def test_a_viewer_sees_and_does_nothing(staff: As) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    client = staff("viewer")
    page = client.get(reverse("admin:orders_order_changelist")).content.decode()
    assert order.pk in page
    assert 'value="pack"' not in page
    act(client, "pack", order.pk)
    act(client, "refund", order.pk, confirmed="yes", why="x")
    assert Order.objects.get(pk=order.pk).status == "paid"
    assert client.get(reverse("admin:inventory_add_stock", args=["MUG"])).status_code == 403


def test_a_stock_keeper_sees_no_customer(staff: As) -> None:
    product("MUG", 5)
    order = paid({"MUG": 1})
    client = staff("stock keeper")
    for name in ("orders_order", "orders_mail", "orders_payment"):
        assert client.get(reverse(f"admin:{name}_changelist")).status_code == 403
    assert client.get(reverse("admin:orders_order_change", args=[order.pk])).status_code == 403
    assert client.get(reverse("mail_preview", args=[order.pk, "confirmation"])).status_code == 404


def test_an_operator_changes_no_stock(staff: As) -> None:
    product("MUG", 5)
    client = staff("operator")
    assert client.post(reverse("admin:inventory_add_stock", args=["MUG"]), {"change": 1}).status_code == 403
    assert level("MUG") == (5, 0)


def test_records_cannot_be_written_by_hand_by_anyone(admin_client: Client) -> None:
    order = paid({product("MUG", 5).pk: 1})
    rows = {
        "orders_order": order.pk,
        "orders_payment": order.payments.get().pk,
        "orders_mail": order.mails.get().pk,
        "inventory_movement": Movement.objects.latest("pk").pk,
    }
    for name, pk in rows.items():
        assert admin_client.post(reverse(f"admin:{name}_add"), {}).status_code == 403
        assert admin_client.post(reverse(f"admin:{name}_change", args=[pk]), {}).status_code == 403
        assert (
            admin_client.post(reverse(f"admin:{name}_delete", args=[pk]), {"post": "yes"}).status_code == 403
        )


def test_products_that_only_an_event_named_stand_in_the_admin_unlisted(staff: As) -> None:
    handle_orders([order_message(order_id="456", user_id="123", product_ids=["abc", "def"], amount=99.99)])
    page = (
        staff("viewer")
        .get(reverse("admin:catalogue_product_changelist"), {"listed__exact": "0"})
        .content.decode()
    )
    assert "abc" in page
    assert "def" in page
