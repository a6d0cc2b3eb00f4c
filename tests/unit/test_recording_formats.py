"""The readers of recordings, against real data and figures that were computed beside the project."""

import csv
import gzip
import hashlib
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from shopsite.events.schemas import (
    Click,
    OrderPlaced,
    StockChanged,
    encode,
    read_click,
    read_order,
    read_stock,
)
from shopsite.traffic.recordings import Recorded, WrongFile, open_recording
from shopsite.traffic.survey import by_time
from tests.support.recordings import (
    ONLINE_RETAIL,
    OTTO,
    REES46,
    facts,
    needs_shared,
    part_of_online_retail,
    read,
    retail_file,
)

READERS = {"clicks": read_click, "orders": read_order, "inventory": read_stock}


def clicks(events: list[Recorded]) -> list[Click]:
    return [each.event for each in events if isinstance(each.event, Click)]


def orders(events: list[Recorded], status: str = "paid") -> list[OrderPlaced]:
    found = [each.event for each in events if isinstance(each.event, OrderPlaced)]
    return [order for order in found if order.status == status]


def stock(events: list[Recorded]) -> list[StockChanged]:
    return [each.event for each in events if isinstance(each.event, StockChanged)]


@needs_shared
def test_the_whole_rees46_slice_agrees_with_its_facts() -> None:
    events, tally = read(REES46, "rees46")
    known = facts(REES46)
    views = [click for click in clicks(events) if click.type == "view_item"]
    assert (tally.lines, tally.invalid) == (known["rows"], 0)
    assert len(views) == known["events_by_type"]["view"]
    assert len({click.user_id for click in views}) == known["distinct_users_view"]
    assert len({click.session_id for click in views}) == known["distinct_sessions_view"]
    assert sum(order.amount for order in orders(events)) == Decimal(known["purchase_revenue_sum_price"])
    assert {order.currency for order in orders(events)} == {"USD"}
    assert Counter(click.product_id for click in views)["1004258"] == 6
    assert f"{events[-1].event.timestamp:%Y-%m-%d %H:%M:%S}" == known["last_event"]


@needs_shared
def test_the_whole_otto_fixture_agrees_with_its_facts() -> None:
    events, tally = read(OTTO, "otto")
    known = facts(OTTO)
    types = Counter(click.type for click in clicks(events))
    bought = orders(events)
    assert (tally.lines, tally.invalid) == (known["sessions"], 0)
    assert types == {"view_item": known["by_type"]["clicks"], "add_to_cart": known["by_type"]["carts"]}
    assert len(bought) == known["by_type"]["orders"]
    assert {(order.amount, order.order_lines()[0].price) for order in bought} == {(Decimal(0), None)}
    assert len({order.user_id for order in bought}) == known["sessions_with_order"]
    times = sorted(each.event.timestamp for each in events)
    assert times[0] == datetime.fromtimestamp(known["first_ts_ms"] / 1000, UTC)
    assert times[-1] == datetime.fromtimestamp(known["last_ts_ms"] / 1000, UTC)


@needs_shared
def test_a_part_of_online_retail_agrees_with_a_count_by_csv_alone(tmp_path: Path) -> None:
    part = part_of_online_retail(tmp_path, 30_000)
    events, tally = read(part, "online-retail")
    with part.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if not row["InvoiceNo"].startswith("A")]
    back = [row for row in rows if row["InvoiceNo"].startswith("C")]
    sold = [row for row in rows if row not in back and float(row["UnitPrice"]) > 0]
    free = [row for row in rows if float(row["UnitPrice"]) == 0]

    def worth(some: list[dict[str, str]]) -> Decimal:
        return sum((int(row["Quantity"]) * Decimal(row["UnitPrice"]) for row in some), Decimal(0))

    for got, expected, sign in ((orders(events), sold, 1), (orders(events, "refunded"), back, -1)):
        assert len(got) == len({row["InvoiceNo"] for row in expected})
        assert sum(len(order.order_lines()) for order in got) == len(expected)
        assert sum(order.amount for order in got) == sign * worth(expected)
        units = sum(line.quantity for order in got for line in order.order_lines())
        assert units == sign * sum(int(row["Quantity"]) for row in expected)
    assert Counter(change.reason for change in stock(events)) == Counter(
        "adjustment" if int(row["Quantity"]) < 0 else "gift" for row in free
    )
    assert sum(change.quantity_change for change in stock(events)) == -sum(
        abs(int(row["Quantity"])) for row in free
    )
    assert tally.invalid == 0


@needs_shared
@pytest.mark.slow
def test_the_whole_of_online_retail_agrees_with_its_facts() -> None:
    events, tally = read(ONLINE_RETAIL, "online-retail")
    known = facts(ONLINE_RETAIL)
    assert (tally.lines, tally.invalid) == (known["rows"], 0)
    assert [line for line, _ in tally.first_skipped] == [299984, 299985, 299986]
    for status, name, sign in (("paid", "sale", 1), ("refunded", "cancellation", -1)):
        got = orders(events, status)
        assert len(got) == known[name]["invoices"]
        assert sum(len(order.order_lines()) for order in got) == known[name]["lines"]
        assert sum(order.amount for order in got) == sign * Decimal(known[name]["revenue"])
    taken = Counter[str]()
    for change in stock(events):
        taken[change.reason or ""] += change.quantity_change
    assert taken["adjustment"] == known["stock_adjustment"]["quantity"]
    assert len(stock(events)) == 1_336 + known["rows_by_kind"]["free_or_unpriced"]


@needs_shared
@pytest.mark.parametrize(("path", "name"), [(REES46, "rees46"), (OTTO, "otto")])
def test_what_a_reader_makes_is_a_valid_message(path: Path, name: str) -> None:
    events, _ = read(path, name)
    now = datetime.now(UTC)
    for each in events:
        assert READERS[each.topic](encode(each.event), origin="", now=now) == each.event
    assert len({each.event.event_id for each in events}) == len(events)


def test_lines_of_an_invoice_that_are_apart_are_one_order(tmp_path: Path) -> None:
    path = retail_file(
        tmp_path,
        [
            "1,A,a,2,2020-01-01 10:00:00,1.005,7,France",
            "2,A,a,1,2020-01-01 10:01:00,3,,France",
            "1,B,b,1,2020-01-01 10:02:00,0.1,7,France",
            "C3,A,a,-2,2020-01-01 10:03:00,1.005,7,France",
        ],
    )
    events, _ = read(path, "online-retail")
    second, first = orders(events)
    (refund,) = orders(events, "refunded")
    assert (first.amount, first.user_id, first.timestamp.minute) == (Decimal("2.110"), "7", 0)
    assert (second.amount, second.user_id) == (Decimal(3), "")
    assert (refund.amount, refund.order_lines()[0].quantity) == (Decimal("2.010"), 2)


def test_goods_at_price_0_leave_the_stock(tmp_path: Path) -> None:
    lines = [
        "1,A,a,2,2020-01-01 10:00:00,0.0,7,France",
        "2,A,lost,-5,2020-01-01 10:00:00,0,,France",
        "A9,B,Adjust bad debt,1,2020-01-01 10:00:00,11062.06,,United Kingdom",
    ]
    events, tally = read(retail_file(tmp_path, lines), "online-retail")
    assert [(change.reason, change.quantity_change) for change in stock(events)] == [
        ("gift", -2),
        ("adjustment", -5),
    ]
    assert tally.first_skipped == [(4, "adjust_bad_debt: neither a sale nor a stock event")]


BAD = {
    "1,A,a": "3 columns, 8 are needed",
    ",A,a,2,2020-01-01 10:00:00,1,7,France": "InvoiceNo is empty",
    "1,,a,2,2020-01-01 10:00:00,1,7,France": "StockCode is empty",
    "1,A,a,two,2020-01-01 10:00:00,1,7,France": "Quantity 'two' is no whole number",
    "1,A,a,0,2020-01-01 10:00:00,1,7,France": "Quantity 0 is not from 1 to 1000000",
    "1,A,a,-2,2020-01-01 10:00:00,1,7,France": "Quantity -2 is not from 1 to 1000000",
    "1,A,a,2,yesterday,1,7,France": "InvoiceDate 'yesterday' is no time such as 2010-12-01 08:26:00",
    "1,A,a,2,2999-01-01 10:00:00,1,7,France": "InvoiceDate 2999-01-01 10:00:00 is in the future",
    "1,A,a,2,1804-01-01 10:00:00,1,7,France": "InvoiceDate 1804-01-01 10:00:00+00:00 is before 1970",
    "1,A,a,2,2020-01-01 10:00:00,NaN,7,France": "UnitPrice 'NaN' is no amount",
    "1,A,a,2,2020-01-01 10:00:00,-1,7,France": "UnitPrice -1 is below 0",
    "1,A,a,2,2020-01-01 10:00:00,0.0000001,7,France": "UnitPrice '0.0000001' has more than six decimals",
    '1,A,"a,2,2020-01-01 10:00:00,1,7,France': "not CSV: unexpected end of data",
    f"1,{'A' * 129},a,2,2020-01-01 10:00:00,1,7,France": "StockCode has 129 characters, at most 128 fit",
}


@pytest.mark.parametrize(("line", "reason"), BAD.items())
def test_an_invalid_line_is_named_and_costs_no_other(tmp_path: Path, line: str, reason: str) -> None:
    good = "5,A,a,2,2020-01-01 10:00:00,1,7,France"
    events, tally = read(retail_file(tmp_path, [good, line, "", good]), "online-retail")
    assert tally.first_invalid == [(3, reason)]
    assert [len(order.order_lines()) for order in orders(events)] == [2]


def test_only_the_first_ten_invalid_lines_are_named(tmp_path: Path) -> None:
    good = "5,A,a,2,2020-01-01 10:00:00,1,7,France"
    _, tally = read(retail_file(tmp_path, [good, *["bad"] * 25]), "online-retail")
    assert (tally.lines, tally.invalid, len(tally.first_invalid)) == (26, 25, 10)


def test_a_byte_that_is_no_utf8_costs_a_line_only_where_it_counts(tmp_path: Path) -> None:
    path = retail_file(tmp_path, [])
    good = b"5,A,pound \xa3,2,2020-01-01 10:00:00,1,7,France\n"
    path.write_bytes(path.read_bytes() + good + b"6,A\xa3,a,2,2020-01-01 10:00:00,1,7,France\r\n")
    events, tally = read(path, "online-retail")
    assert (len(orders(events)), [line for line, _ in tally.first_invalid]) == (1, [3])


def test_rees46_keeps_purchases_at_price_0_and_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "rees46.csv"
    path.write_text(
        "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
        + "2019-11-01 00:00:00 UTC,purchase,1,2,,,0.00,7,s\n" * 2
        + "2019-11-01 00:00:00 UTC,remove_from_cart,1,2,,,5,7,\n"
        + "2019-11-01 00:00:00 UTC,stare,1,2,,,5,7,s\n"
    )
    events, tally = read(path, "rees46")
    assert [order.amount for order in orders(events)] == [0, 0]
    assert len({order.order_id for order in orders(events)}) == 2
    assert [(click.type, click.session_id) for click in clicks(events)] == [("remove_from_cart", None)]
    assert tally.first_invalid == [
        (5, "event_type 'stare' is none of view, cart, remove_from_cart, purchase")
    ]


def test_taobao_has_no_header_and_its_wish_list_is_a_click(tmp_path: Path) -> None:
    path = tmp_path / "taobao.csv"
    path.write_text("1,2,3,pv,1511544070\n1,2,3,fav,1511544071\n1,2,3,buy,1511544072\n1,2,3,cart,x\n")
    events, tally = read(path, "taobao")
    assert [(click.type, click.category) for click in clicks(events)] == [
        ("view_item", "3"),
        ("add_to_wishlist", "3"),
    ]
    assert [order.product_ids for order in orders(events)] == [["2"]]
    assert (tally.skipped.total(), [line for line, _ in tally.first_invalid]) == (0, [4])


def test_jsonl_keeps_events_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(
        '{"user_id": 123, "product_id": "abc", "timestamp": "2024-06-18T12:34:56Z"}\n'
        '{"order_id": "456", "user_id": "123", "product_ids": ["abc", "def"], "amount": 99.99,'
        ' "timestamp": "2024-06-18T12:35:56Z", "email": "a@b.c"}\n'
        '{"product_id": "abc", "quantity_change": -1, "timestamp": "2024-06-18T12:36:56Z", "event_id": "e"}\n'
        '{"order_id": "456", "user_id": "1", "product_ids": ["a"], "type": "order_paid", "timestamp": "x"}\n'
        "[1]\n"
        '{"user_id": "123", "timestamp": "2024-06-18T12:34:56Z"}\n'
    )
    events, tally = read(path, "jsonl")
    (order,) = orders(events)
    assert [click.user_id for click in clicks(events)] == ["123"]
    assert (order.order_id, order.amount, order.email) == ("456", Decimal("99.99"), None)
    assert [change.event_id for change in stock(events)] == ["e"]
    assert [line for line, _ in tally.first_skipped] == [4]
    assert [line for line, _ in tally.first_invalid] == [5, 6]


def test_ids_come_from_the_plain_bytes_whether_compressed_or_not(tmp_path: Path) -> None:
    plain = retail_file(tmp_path, ["5,A,a,2,2020-01-01 10:00:00,1,7,France"])
    packed = tmp_path / "no-suffix-needed"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert open_recording(plain).digest == hashlib.sha256(plain.read_bytes()).hexdigest()
    assert read(plain, "online-retail")[0] == read(packed, "online-retail")[0]


def test_two_recordings_with_the_same_invoice_number_do_not_collide(tmp_path: Path) -> None:
    line = "5,A,a,2,2020-01-01 10:00:00,1,7,France"
    first, _ = read(retail_file(tmp_path, [line], "first.csv"), "online-retail")
    second, _ = read(retail_file(tmp_path, [line, line], "second.csv"), "online-retail")
    assert orders(first)[0].order_id != orders(second)[0].order_id
    assert orders(first)[0].order_id.startswith("5-")


def wrong(path: Path, name: str = "online-retail") -> str:
    with pytest.raises(WrongFile) as told:
        read(path, name)
    return str(told.value)


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    good = retail_file(tmp_path, ["5,A,a,2,2020-01-01 10:00:00,1,7,France"] * 1000)
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(good.read_bytes())[:-20])
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert wrong(tmp_path / "none.csv").endswith("none.csv does not exist.")
    assert wrong(tmp_path).endswith("is a folder: give one file.")
    assert wrong(cut).endswith("ends in the middle: the compressed file is cut off.")
    assert wrong(empty).endswith("is empty.")


def test_a_wrong_format_says_what_the_file_looks_like(tmp_path: Path) -> None:
    path = retail_file(tmp_path, ["5,A,a,2,2020-01-01 10:00:00,1,7,France"])
    assert wrong(path, "rees46").endswith("it looks like online-retail: try --format online-retail.")
    path.write_bytes(bytes(range(256)))
    assert wrong(path, "otto").endswith("it looks like none that is known.")


def test_events_are_put_in_order_within_the_bound() -> None:
    def at(second: int) -> Recorded:
        moment = datetime(2020, 1, 1, 0, 0, second, tzinfo=UTC)
        return Recorded("clicks", "u", Click(user_id="u", product_id=None, timestamp=moment), second)

    shuffled = [at(second) for second in (2, 0, 1, 4, 3, 5)]
    assert [each.line for each in by_time(shuffled, held=3)] == [0, 1, 2, 3, 4, 5]
