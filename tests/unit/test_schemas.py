"""What is a valid message, by the readers and by the documents that others program against."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from shopsite.events.json_schemas import json_schemas
from shopsite.events.schemas import (
    Click,
    Event,
    OrderChanged,
    OrderLine,
    OrderPlaced,
    PoisonEvent,
    StockChanged,
    encode,
    read_click,
    read_order,
    read_stock,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CLICK = {"user_id": "123", "product_id": "abc", "timestamp": "2024-06-18T12:34:56Z"}
ORDER = {
    "order_id": "456",
    "user_id": "123",
    "product_ids": ["abc", "def"],
    "amount": 99.99,
    "timestamp": "2024-06-18T12:35:56Z",
}
STOCK = {"product_id": "abc", "quantity_change": -1, "timestamp": "2024-06-18T12:36:56Z"}
KINDS: dict[str, tuple[dict[str, Any], Callable[..., Event], str]] = {
    "click": (CLICK, read_click, "click.json"),
    "order": (ORDER, read_order, "order_placed.json"),
    "stock": (STOCK, read_stock, "stock_changed.json"),
}


def order(text: bytes) -> OrderPlaced:
    event = read_order(text, origin="orders:0:1", now=NOW)
    assert isinstance(event, OrderPlaced)
    return event


def as_bytes(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode()


def test_the_three_plain_messages_are_read_word_for_word() -> None:
    click = read_click(
        b'{"user_id": "123", "product_id": "abc", "timestamp": "2024-06-18T12:34:56Z"}',
        origin="clicks:0:1",
        now=NOW,
    )
    assert (click.user_id, click.product_id, click.type, click.event_id) == (
        "123",
        "abc",
        "view_item",
        "clicks:0:1",
    )
    placed = order(
        b'{"order_id": "456", "user_id": "123", "product_ids": ["abc", "def"], "amount": 99.99, '
        b'"timestamp": "2024-06-18T12:35:56Z"}'
    )
    assert placed.amount == Decimal("99.99")
    assert [(line.product_id, line.quantity, line.price) for line in placed.order_lines()] == [
        ("abc", 1, None),
        ("def", 1, None),
    ]
    stock = read_stock(
        b'{"product_id": "abc", "quantity_change": -1, "timestamp": "2024-06-18T12:36:56Z"}',
        origin="inventory:0:1",
        now=NOW,
    )
    assert (stock.quantity_change, stock.timestamp) == (-1, datetime(2024, 6, 18, 12, 36, 56, tzinfo=UTC))


def test_numbers_are_taken_as_ids_and_turned_into_strings() -> None:
    placed = order(as_bytes({**ORDER, "order_id": 456, "user_id": 17850.0, "product_ids": [1, "def", 2.5]}))
    assert (placed.order_id, placed.user_id, placed.product_ids) == ("456", "17850", ["1", "def", "2.5"])
    lines = [{"product_id": 7, "quantity": 2, "price": "0.125"}]
    assert order(as_bytes({**ORDER, "user_id": 1, "lines": lines})).order_lines() == [
        OrderLine(product_id="7", quantity=2, price=Decimal("0.125"))
    ]


@pytest.mark.parametrize("amount", ["99.99", "0.1", "0.000001", "999999999.999999", "1e2", "5.10000000"])
def test_money_is_exact_as_a_number_and_as_text(amount: str) -> None:
    text = json.dumps(ORDER).replace("99.99", amount).encode()
    assert order(text).amount == Decimal(amount)
    assert order(as_bytes({**ORDER, "amount": amount})).amount == Decimal(amount)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2024-06-18T12:00:00Z", "2024-06-18T12:00:00+00:00"),
        ("2024-06-18T12:00:00", "2024-06-18T12:00:00+00:00"),
        ("2024-06-18 14:00:00+02:00", "2024-06-18T12:00:00+00:00"),
        ("2024-06-18T12:00:00.123456Z", "2024-06-18T12:00:00.123456+00:00"),
    ],
)
def test_times_are_utc(written: str, meant: str) -> None:
    click = read_click(as_bytes({**CLICK, "timestamp": written}), origin="", now=NOW)
    assert click.timestamp.tzinfo is UTC
    assert click.timestamp.isoformat() == meant


def test_a_clock_may_be_ten_minutes_ahead() -> None:
    ahead = (NOW + timedelta(minutes=10)).isoformat()
    assert read_click(as_bytes({**CLICK, "timestamp": ahead}), origin="", now=NOW)
    too_far = (NOW + timedelta(minutes=10, seconds=1)).isoformat()
    with pytest.raises(PoisonEvent, match="10 minutes ahead"):
        read_click(as_bytes({**CLICK, "timestamp": too_far}), origin="", now=NOW)


def test_a_message_keeps_the_id_that_it_has() -> None:
    assert (
        read_click(as_bytes({**CLICK, "event_id": "mine"}), origin="clicks:0:1", now=NOW).event_id == "mine"
    )
    assert (
        read_click(as_bytes({**CLICK, "event_id": ""}), origin="clicks:0:1", now=NOW).event_id == "clicks:0:1"
    )


def test_unknown_fields_are_ignored() -> None:
    assert read_stock(as_bytes({**STOCK, "colour": {"deep": [1]}}), origin="", now=NOW).product_id == "abc"


@pytest.mark.parametrize(
    "event",
    [
        Click(
            user_id="u", product_id=None, timestamp=NOW, event_id="e", type="search", search="mug", bot=True
        ),
        OrderPlaced(
            order_id="o",
            user_id="",
            product_ids=["a"],
            amount=Decimal("12.500000"),
            timestamp=NOW,
            event_id="e",
            lines=[OrderLine(product_id="a", quantity=3, price=Decimal("0.125"))],
            currency="EUR",
            status="refunded",
        ),
        OrderChanged(
            order_id="o",
            user_id="u",
            timestamp=NOW,
            type="order_paid",
            event_id="e",
            amount=Decimal(1),
            currency="EUR",
            lines=[OrderLine(product_id="a", quantity=1)],
            previous="placed",
            status="paid",
        ),
        StockChanged(product_id="a", quantity_change=-3, timestamp=NOW, event_id="e", reason="sale"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_what_we_write_is_what_we_read(event: Event) -> None:
    read: Callable[..., Event] = read_order
    if isinstance(event, Click | StockChanged):
        read = read_click if isinstance(event, Click) else read_stock
    assert read(encode(event), origin="x", now=NOW) == event


def test_a_step_of_an_order_names_its_products_for_any_reader() -> None:
    changed = OrderChanged(
        order_id="o",
        user_id="u",
        timestamp=NOW,
        type="order_shipped",
        event_id="e",
        amount=Decimal("1.50"),
        currency="EUR",
        lines=[OrderLine(product_id="a", quantity=1)],
        previous="packed",
        status="shipped",
    )
    message = json.loads(encode(changed))
    assert message["product_ids"] == ["a"]
    assert message["amount"] == 1.5
    assert '"amount":1.50' in encode(changed).decode()


BAD: list[tuple[str, bytes | None, str]] = [
    ("no value", None, "no value"),
    ("empty", b"", "empty"),
    ("not JSON", b"hello", "not JSON"),
    ("half", b'{"product_id": "abc", "quant', "not JSON"),
    (
        "invalid UTF-8",
        b'{"product_id": "\xff", "quantity_change": 1, "timestamp": "2024-06-18T12:36:56Z"}',
        "not JSON",
    ),
    ("lone surrogate", as_bytes(STOCK).replace(b"abc", b"\\ud800"), "not JSON"),
    ("NaN", as_bytes(STOCK).replace(b"-1", b"NaN"), "not JSON"),
    ("a list", b"[]", "object"),
    ("a text", b'"abc"', "object"),
    ("null", b"null", "object"),
    ("missing field", b'{"product_id": "abc"}', "quantity_change"),
    ("text for a number", as_bytes({**STOCK, "quantity_change": "1"}), "quantity_change"),
    ("a fraction", as_bytes({**STOCK, "quantity_change": 1.5}), "quantity_change"),
    ("a bool as id", as_bytes({**STOCK, "product_id": True}), "product_id"),
    ("null as id", as_bytes({**STOCK, "product_id": None}), "product_id"),
    ("an empty id", as_bytes({**STOCK, "product_id": ""}), "product_id"),
    ("a long id", as_bytes({**STOCK, "product_id": "x" * 129}), "product_id"),
    ("a huge id", as_bytes(STOCK).replace(b'"abc"', b"9" * 5000), "product_id|range|digits"),
    ("NUL", as_bytes({**STOCK, "product_id": "a\0b"}), "NUL"),
    ("NUL in a note", as_bytes({**STOCK, "reason": "a\0b"}), "NUL"),
    ("a huge number", as_bytes(STOCK).replace(b"-1", b"1e400"), "quantity_change"),
    ("a large number", as_bytes({**STOCK, "quantity_change": 10**10}), "quantity_change"),
    ("deep nesting", b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
    ("too long", as_bytes({**STOCK, "note": "x" * 600_000}), "at most 524,288"),
    ("the future", as_bytes({**STOCK, "timestamp": "2199-01-01T00:00:00Z"}), "ahead"),
    ("before 1970", as_bytes({**STOCK, "timestamp": "0001-01-01T00:00:00Z"}), "before 1970"),
    ("the calendar's end", as_bytes({**STOCK, "timestamp": "9999-12-31T23:59:59-12:00"}), "out of range"),
    ("no time", as_bytes({**STOCK, "timestamp": "yesterday"}), "timestamp"),
    ("epoch seconds", as_bytes({**STOCK, "timestamp": 1718714096}), "timestamp"),
]


@pytest.mark.parametrize(("value", "says"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_what_cannot_be_read_says_why(value: bytes | None, says: str) -> None:
    with pytest.raises(PoisonEvent, match=says):
        read_stock(value, origin="inventory:0:1", now=NOW)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"amount": -1}, "amount is -1"),
        ({"amount": "NaN"}, "amount is NaN"),
        ({"amount": "Infinity"}, "amount is Infinity"),
        ({"amount": 10**9}, "below 1,000,000,000"),
        ({"amount": "1e999999999"}, "below 1,000,000,000"),
        ({"amount": "0.0000001"}, "more than 6 decimals"),
        ({"amount": 0.1 + 0.2}, "more than 6 decimals"),
        ({"product_ids": []}, "no products"),
        ({"product_ids": "abc"}, "product_ids"),
        ({"quantities": [1]}, "1 quantities for 2 product_ids"),
        ({"quantities": [1, 0]}, "quantities"),
        ({"lines": [{"product_id": "a", "quantity": 1, "price": -2}]}, r"lines\[0\].price"),
        ({"currency": "Euro"}, "currency"),
        ({"status": "maybe"}, "status"),
        ({"type": "order_eaten"}, "type"),
        ({"type": 7}, "type"),
        ({"type": "order_paid"}, "event_id|required"),
    ],
    ids=str,
)
def test_an_order_that_cannot_be_says_why(change: dict[str, Any], says: str) -> None:
    with pytest.raises(PoisonEvent, match=says):
        read_order(as_bytes({**ORDER, **change}), origin="orders:0:1", now=NOW)


def test_a_click_may_have_64_kib_and_no_more() -> None:
    with pytest.raises(PoisonEvent, match="at most 65,536"):
        read_click(as_bytes({**CLICK, "x": "y" * 70_000}), origin="", now=NOW)


# --- the documents ------------------------------------------------------------------------------
def test_the_schemas_in_docs_are_those_of_the_code() -> None:
    call_command("schemas", check=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schemas_are_valid_and_take_the_plain_messages(kind: str) -> None:
    message, _, name = KINDS[kind]
    schema = json.loads(json_schemas()[name])
    Draft202012Validator.check_schema(schema)
    assert not list(Draft202012Validator(schema).iter_errors(message))


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("click", {"product_id": None}),
        ("click", {"user_id": 5, "bot": True, "unknown": 1}),
        ("click", {"user_id": None}),
        ("click", {"type": "jump"}),
        ("click", {"path": "x" * 3000}),
        ("order", {"amount": "12.50"}),
        ("order", {"amount": -1}),
        ("order", {"amount": "NaN"}),
        ("order", {"amount": "much"}),
        ("order", {"user_id": ""}),
        ("order", {"order_id": ""}),
        ("order", {"status": "paid", "currency": "GBP", "quantities": [2, 1]}),
        ("order", {"currency": "pounds"}),
        ("order", {"lines": [{"product_id": "a", "quantity": 1, "price": 0.125}]}),
        ("order", {"lines": [{"product_id": "a", "quantity": 0}]}),
        ("stock", {"product_id": 7}),
        ("stock", {"quantity_change": "1"}),
        ("stock", {"quantity_change": 10**10}),
        ("stock", {"product_id": "x" * 129}),
    ],
    ids=str,
)
def test_the_documents_and_the_readers_agree(kind: str, change: dict[str, Any]) -> None:
    message, read, name = KINDS[kind]
    changed = {**message, **change}
    documented = Draft202012Validator(json.loads(json_schemas()[name])).is_valid(changed)
    try:
        read(as_bytes(changed), origin="o", now=NOW)
        taken = True
    except PoisonEvent:
        taken = False
    assert documented is taken
