"""A CSV file of any shop, explained by a mapping file."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from shopsite.events.schemas import Click, OrderPlaced
from shopsite.traffic.formats import checked_format
from shopsite.traffic.recordings import Recorded, Tally, WrongFile, open_recording

COLUMNS = {"user_id": "customer", "product_id": "article", "timestamp": "at", "type": "what"}
MAPPING: dict[str, object] = {
    "columns": COLUMNS | {"price": "amount", "quantity": "pieces", "category": "shelf"},
    "types": {"look": "view_item", "basket": "add_to_cart", "sale": "order", "login": "skip"},
    "delimiter": ";",
    "currency": "EUR",
}
HEADER = "at;what;customer;article;amount;pieces;shelf;more"


def read(folder: Path, mapping: dict[str, object], *lines: str) -> tuple[list[Recorded], Tally]:
    (folder / "map.json").write_text(json.dumps(mapping))
    (folder / "shop.csv").write_text("\n".join(lines) + "\n")
    recording, tally = open_recording(folder / "shop.csv"), Tally()
    return list(checked_format(recording, "csv", folder / "map.json").read(recording, tally)), tally


def test_columns_words_and_times_mean_what_the_mapping_says(tmp_path: Path) -> None:
    found, tally = read(
        tmp_path,
        MAPPING,
        HEADER,
        "2024-06-18 12:00:00;look;ada;MUG;;;tea;x",
        '2024-06-18T14:00:01+02:00;basket;ada;"A;B";;;;x',
        "2024-06-18 12:00:02;sale;ada;MUG;12.50;3;;x",
        "2024-06-18 12:00:03;login;ada;;;;;x",
        "2024-06-18 12:00:04;dance;ada;MUG;;;;x",
        "yesterday;look;ada;MUG;;;;x",
        "2024-06-18 12:00:05;sale;ada;MUG;-1;1;;x",
        "2024-06-18 12:00:05;look",
    )
    look, basket, sale = (each.event for each in found)
    assert isinstance(look, Click)
    assert (look.type, look.category, look.user_id) == ("view_item", "tea", "ada")
    assert isinstance(basket, Click)
    assert (basket.product_id, basket.timestamp.isoformat()) == ("A;B", "2024-06-18T12:00:01+00:00")
    assert isinstance(sale, OrderPlaced)
    assert (sale.amount, sale.currency, sale.status) == (Decimal("37.50"), "EUR", "paid")
    assert (tally.lines, tally.invalid, tally.skipped.total()) == (8, 4, 1)
    assert "type 'dance' is none of look, basket, sale, login" in dict(tally.first_invalid)[6]


def test_lines_with_one_order_number_are_one_order_of_several_lines(tmp_path: Path) -> None:
    mapping = MAPPING | {"columns": COLUMNS | {"price": "amount", "quantity": "pieces", "order_id": "number"}}
    found, tally = read(
        tmp_path,
        mapping,
        "at;what;customer;article;amount;pieces;number",
        "2024-06-18 12:00:00;sale;ada;MUG;12.50;2;77",
        "2024-06-18 12:00:01;sale;ben;TENT;99;1;78",
        "2024-06-18 12:00:01;look;ben;MUG;;;",
        "2024-06-18 12:00:02;sale;ada;TRAY;3.05;1;77",
        "2024-06-18 12:00:03;sale;ada;CUP;x;1;77",
        "2024-06-18 12:00:04;sale;eve;CUP;1;1;",
        "2024-06-18 12:00:05;sale;eve;CUP;1;1;",
    )
    orders = [each.event for each in found if isinstance(each.event, OrderPlaced)]
    sold = [[(line.product_id, line.quantity) for line in order.lines or ()] for order in orders]
    assert sold == [[("TENT", 1)], [("MUG", 2), ("TRAY", 1)], [("CUP", 1)], [("CUP", 1)]]
    assert [order.amount for order in orders] == [99, Decimal("28.05"), 1, 1]
    assert (orders[1].user_id, orders[1].timestamp.second, orders[1].order_id[:3]) == ("ada", 0, "77-")
    assert len({order.order_id for order in orders}) == 4
    assert (len(found), tally.lines, tally.invalid) == (5, 7, 1)


def test_columns_may_be_numbers_and_times_milliseconds(tmp_path: Path) -> None:
    mapping = {
        "columns": {"user_id": 1, "product_id": 2, "timestamp": 3},
        "header": False,
        "time": "milliseconds",
        "default": "add_to_wishlist",
    }
    found, tally = read(tmp_path, mapping, "ada,MUG,1718712000123", "ben,CUP,soon")
    (event,) = (each.event for each in found)
    assert isinstance(event, Click)
    assert (event.type, event.timestamp.microsecond, tally.invalid) == ("add_to_wishlist", 123_000, 1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"columns": {"user_id": "customer"}}, "columns lacks product_id, timestamp"),
        ({"columns": COLUMNS | {"colour": "x"}}, "columns has colour; known are"),
        ({"types": {}}, "needs types"),
        ({"types": {"look": "stare"}}, "Invalid enum value 'stare'"),
        ({"header": False}, "columns are numbers"),
        ({"columns": {"user_id": 0, "product_id": 1, "timestamp": 2}}, "counted from 1"),
        ({"time": "moon"}, "Invalid enum value"),
        ({"colour": 1}, "unknown field"),
        ({"delimiter": ";;"}, "delimiter"),
        ({"columns": COLUMNS | {"device": "gone"}}, "is not in the format csv"),
    ],
)
def test_a_wrong_mapping_is_one_clear_sentence(tmp_path: Path, change: dict[str, object], says: str) -> None:
    with pytest.raises(WrongFile, match=says):
        read(tmp_path, MAPPING | change, HEADER, "2024-06-18 12:00:00;look;ada;MUG;;;;x")


def test_a_mapping_belongs_to_csv_alone(tmp_path: Path) -> None:
    (tmp_path / "shop.csv").write_text("a\n")
    recording = open_recording(tmp_path / "shop.csv")
    for name, mapping in (("csv", None), ("rees46", tmp_path / "map.json")):
        with pytest.raises(WrongFile, match="--mapping belongs to --format csv"):
            checked_format(recording, name, mapping)
    with pytest.raises(WrongFile, match="can't be read"):
        checked_format(recording, "csv", tmp_path / "gone.json")
