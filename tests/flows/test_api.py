"""The HTTP API: who may read what, in which form, and what is said when something is wrong."""

import logging
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from inventory.services import adjust
from orders.models import Order
from shopsite.api import keys, limits, stock
from shopsite.api.models import ApiKey
from shopsite.fulfilment import handle_orders, pack_order
from tests.support.api import ask
from tests.support.messages import order_message
from tests.support.shop import paid, place, product

pytestmark = pytest.mark.django_db
Output = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def _anew() -> None:
    keys.forget()
    limits.forget()


@pytest.fixture
def key() -> str:
    """A key that reads everything; Redis is away, so the process counts alone."""
    return keys.create("reader")


def test_an_order_reads_as_it_stands(key: str) -> None:
    product("MUG", 5)
    order = paid({"MUG": 2})
    pack_order(order_id=order.order_id, actor="ada", why="in a box")
    seen = ask(f"/orders/{order.order_id}", key)
    assert seen.status == 200
    assert {name: seen.body[name] for name in ("order_id", "status", "currency", "amount", "lines")} == {
        "order_id": order.order_id,
        "status": "packed",
        "currency": "EUR",
        "amount": "25.00",
        "lines": [{"product_id": "MUG", "quantity": 2, "price": "12.50"}],
    }
    moves = [(move["from"], move["to"]) for move in seen.body["history"]]
    assert moves == [(None, "placed"), ("placed", "paid"), ("paid", "packed")]
    assert seen.body["history"][-1]["why"] == "in a box"
    assert seen.body.keys() == {
        "order_id", "status", "currency", "amount", "carrier", "tracking", "lines", "history",
    }  # fmt: skip


def test_an_order_of_another_system_has_no_invented_prices(key: str) -> None:
    handle_orders(
        [order_message(order_id="a/b 1", user_id="u", product_ids=["x"], amount=9.995, status="paid")]
    )
    seen = ask("/orders/a%2Fb%201", key)
    assert seen.body["order_id"] == "a/b 1"
    assert seen.body["amount"] == "9.995"
    assert seen.body["lines"] == [{"product_id": "x", "quantity": 1, "price": None}]


def test_the_stock_of_a_product(key: str) -> None:
    product("MUG", 5)
    place({"MUG": 2})
    assert ask("/products/MUG/stock", key).body == {
        "product_id": "MUG",
        "on_hand": 5,
        "reserved": 2,
        "available": 3,
    }


def test_a_product_of_which_more_was_sold_is_available_below_zero(key: str) -> None:
    product("MUG", 1)
    adjust(product_id="MUG", change=-3, reason="damage", actor="ada")
    assert ask("/products/MUG/stock", key).body["available"] == -2


def test_a_product_without_a_told_stock_has_none(key: str) -> None:
    product("EBOOK")
    assert ask("/products/EBOOK/stock", key).body["on_hand"] == 0


@pytest.mark.parametrize(
    "path", ["/orders/nope", "/products/nope/stock", "/products/nope/ledger", "/nope", ""]
)
def test_what_does_not_exist_is_a_problem(key: str, path: str) -> None:
    seen = ask(path, key)
    assert (seen.status, seen.headers["content-type"]) == (404, "application/problem+json")
    assert seen.body["title"] == "Not Found"


def test_orders_are_leafed_through_by_their_last_change(key: str) -> None:
    product("MUG", 50)
    made = [place({"MUG": 1}).order_id for _ in range(5)]
    pack_order(order_id=paid({"MUG": 1}).order_id, actor="ada")
    Order.objects.filter(pk__in=made).update(changed_at=timezone.now() - timedelta(hours=1))
    found, cursor = [], ""
    for _ in range(3):
        seen = ask("/orders", key, query=f"status=placed&limit=2&cursor={cursor}").body
        found += [row["order_id"] for row in seen["items"]]
        cursor = seen["next"] or ""
    assert (found, cursor) == (sorted(made), "")
    since = (timezone.now() - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert [row["status"] for row in ask("/orders", key, query=f"updated_since={since}").body["items"]] == [
        "packed"
    ]


def test_an_order_costs_two_queries_and_stock_and_a_page_of_orders_one(
    key: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    product("MUG", 50)
    first, second, third = (place({"MUG": count}).order_id for count in (1, 2, 3))
    pack_order(order_id=paid({"MUG": 1}).order_id, actor="ada")
    ask("/products", key)  # the key is known
    with django_assert_num_queries(2):
        assert ask(f"/orders/{first}", key).body["lines"][0]["quantity"] == 1
    with django_assert_num_queries(2):  # the same SQL, for another
        assert ask(f"/orders/{second}", key).body["lines"][0]["quantity"] == 2
    with django_assert_num_queries(1):
        assert ask("/products/MUG/stock", key).body["reserved"] == 6
    with django_assert_num_queries(1):
        page = ask("/orders", key).body["items"]
    assert [row["order_id"] for row in page[:3]] == [first, second, third]
    assert [row["status"] for row in page] == ["placed"] * 3 + ["packed"]


def test_products_are_leafed_through_and_those_almost_gone_are_found(key: str) -> None:
    for sku, count in (("A", 50), ("B", 2), ("C", 50)):
        product(sku, count)
    first = ask("/products", key, query="limit=2").body
    assert [row["product_id"] for row in first["items"]] == ["A", "B"]
    rest = ask("/products", key, query=f"cursor={first['next']}").body
    assert ([row["product_id"] for row in rest["items"]], rest["next"]) == (["C"], None)
    assert [row["product_id"] for row in ask("/products", key, query="low=true").body["items"]] == ["B"]


def test_a_ledger_is_leafed_through_newest_first(key: str) -> None:
    product("MUG", 5)
    paid({"MUG": 2})
    first = ask("/products/MUG/ledger", key, query="limit=1").body
    assert [(row["change"], row["reason"]) for row in first["items"]] == [(-2, "sale")]
    rest = ask("/products/MUG/ledger", key, query=f"limit=1&cursor={first['next']}").body
    assert ([row["reason"] for row in rest["items"]], rest["next"]) == (["opening"], None)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("status=lost", "status"),
        ("updated_since=yesterday", "updated_since"),
        ("updated_since=2026-01-01T00:00:00", "updated_since"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("cursor=!", "cursor"),
        ("cursor=bnVsbA", "cursor"),
        ("sort=amount", "sort"),
        ("status=%00", "status"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(key: str, query: str, parameter: str) -> None:
    seen = ask("/orders", key, query=query)
    assert seen.status == 400
    assert [error["parameter"] for error in seen.body["errors"]] == [parameter]


def test_who_has_no_key_learns_nothing(key: str) -> None:
    product("MUG", 5)
    tail = key[-5:]
    for headers in (
        {},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {key}"},
        {"authorization": f"Bearer {key}x"},
        {"authorization": f"Bearer {key[:-5]}{'0' if tail[0] != '0' else '1'}{key[-4:]}"},
        {"authorization": "Bearer shop_000000000000_" + "0" * 48},
    ):
        for path in ("/products/MUG/stock", "/products/nope/stock"):
            seen = ask(path, **headers)
            assert (seen.status, seen.headers["www-authenticate"]) == (401, 'Bearer realm="api"')


def test_a_key_reads_what_it_is_for() -> None:
    product("MUG", 5)
    for_stock = keys.create("shelf", scopes=[keys.STOCK])
    assert ask("/products/MUG/stock", for_stock).status == 200
    assert ask("/orders", for_stock).status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE"])
def test_the_api_only_reads(key: str, method: str) -> None:
    seen = ask("/orders", key, method=method)
    assert (seen.status, seen.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


def test_options_tells_the_methods() -> None:
    seen = ask("/orders", method="OPTIONS")
    assert (seen.status, seen.headers["allow"], seen.body) == (204, "GET, HEAD, OPTIONS", None)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("text/html, application/*;q=0.5", 200),
        ("", 200),
        ("text/html", 406),
        ("application/json;q=0, text/html", 406),
        ("application/json;q=0, */*", 406),
    ],
)
def test_an_answer_is_json_or_refused(key: str, accept: str, status: int) -> None:
    assert ask("/orders", key, accept=accept).status == status


def test_what_has_not_changed_is_not_sent_again(key: str) -> None:
    product("MUG", 5)
    first = ask("/products/MUG/stock", key)
    assert first.headers["cache-control"] == "private, no-cache"
    again = ask("/products/MUG/stock", key, if_none_match=f'W/{first.headers["etag"]}, "other"')
    assert (again.status, again.body, again.headers["etag"]) == (304, None, first.headers["etag"])
    place({"MUG": 1})
    assert ask("/products/MUG/stock", key, if_none_match=first.headers["etag"]).status == 200


def test_the_document_is_open_to_all() -> None:
    seen = ask("/openapi.json")
    assert (seen.status, seen.body["openapi"]) == (200, "3.1.0")
    assert ask("/openapi.json", method="POST").status == 405


def test_a_fault_of_ours_tells_nothing_of_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    product("MUG", 5)

    def fails(*_args: object, **_options: object) -> None:
        raise RuntimeError("secret details")

    monkeypatch.setattr(stock, "stocked_products", fails)
    seen = ask("/products", key)
    assert (seen.status, seen.headers["content-type"]) == (500, "application/problem+json")
    assert "secret" not in str(seen.body)


def test_a_database_that_is_away_is_said_so(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_args: object, **_options: object) -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr("shopsite.api.dispatch.connections.close_all", lambda: None)  # the test's own
    monkeypatch.setattr(stock, "stocked_products", fails)
    seen = ask("/products", key)
    assert (seen.status, seen.headers["retry-after"]) == (503, "5")


# --- keys -------------------------------------------------------------------------------------
def test_a_new_key_is_printed_alone_and_kept_as_a_digest(capsys: Output) -> None:
    call_command("apikey", "create", "warehouse")
    key = capsys.readouterr().out.strip()
    row = ApiKey.objects.get(name="warehouse")
    assert ask("/orders", key).status == 200
    assert key not in str(vars(row))
    assert len(row.digest) == 64


def test_a_name_is_taken_once(capsys: Output) -> None:
    call_command("apikey", "create", "warehouse")
    for name in ("warehouse", "", "x" * 101, "a\nb"):
        with pytest.raises(CommandError):
            call_command("apikey", "create", name)
    assert ApiKey.objects.count() == 1


def test_a_revoked_key_ends_and_keeps_its_name(
    key: str, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask("/orders", key).status == 200
    monkeypatch.setattr(keys, "REMEMBERED_S", -1.0)
    keys.forget()
    call_command("apikey", "revoke", "reader")
    assert ask("/orders", key).status == 401
    call_command("apikey", "list")
    assert "reader" in (out := capsys.readouterr().out) and "(revoked)" in out
    with pytest.raises(CommandError, match="no key 'reader' that works"):
        call_command("apikey", "revoke", "reader")


def test_a_revoked_key_works_no_longer_than_it_is_remembered(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1000.0]
    monkeypatch.setattr("shopsite.api.keys.time.monotonic", lambda: clock[0])
    assert ask("/orders", key).status == 200
    keys.revoke("reader")
    clock[0] += keys.REMEMBERED_S + 0.1
    assert ask("/orders", key).status == 401


def test_the_last_use_is_noted(key: str) -> None:
    ask("/orders", key)
    ask("/orders", key)
    assert keys.has_unnoted()
    keys.note_uses()
    assert ApiKey.objects.get().last_used_at is not None
    ask("/orders", key)
    assert not keys.has_unnoted()  # once a minute


def test_a_key_is_in_no_log(
    key: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)

    def fails(*_args: object, **_options: object) -> None:
        raise RuntimeError("anything")

    monkeypatch.setattr(stock, "stocked_products", fails)
    ask("/products", key)
    ask("/products", key + "x")
    assert "a fault of our own" in caplog.text
    assert key not in caplog.text


def test_staff_see_and_revoke_keys_in_the_admin(key: str) -> None:
    browser = Client()
    browser.force_login(User.objects.create_superuser("root"))
    page = browser.get("/admin/api/apikey/").content.decode()
    assert "reader" in page
    row = ApiKey.objects.get()
    assert row.digest not in browser.get(f"/admin/api/apikey/{row.pk}/change/").content.decode()
    chosen = {"action": "revoke", "_selected_action": [row.pk]}
    assert "are refused from now on" in browser.post("/admin/api/apikey/", chosen).content.decode()
    keys.forget()
    assert ask("/orders", key).status == 200  # it was only asked
    browser.post("/admin/api/apikey/", chosen | {"confirmed": "yes"})
    keys.forget()
    assert ask("/orders", key).status == 401


# --- limits -----------------------------------------------------------------------------------
def test_past_its_limit_a_key_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shopsite.api.limits.time.monotonic", lambda: 1000.0)
    key = keys.create("eager", rate=3)
    seen = [ask("/orders", key) for _ in range(4)]
    assert [one.status for one in seen] == [200, 200, 200, 429]
    assert seen[0].headers["ratelimit-policy"] == '"key";q=3;w=1'
    assert [one.headers["ratelimit"] for one in seen] == [f'"key";r={left};t=1' for left in (2, 1, 0, 0)]
    assert seen[3].headers["retry-after"] == "1"
