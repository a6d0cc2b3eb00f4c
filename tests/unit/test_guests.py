"""What a frame says to whoever watches by a share link."""

import msgspec

from dashboards.screen.picture import Picture
from dashboards.shares.guests import PUBLIC, for_guests


def test_no_customer_no_address_of_the_admin_and_no_unknown_section_passes() -> None:
    sections = {
        "now": {"orders": 3},
        "feed": {"k": [1, "paid", "order-77", "DE", "whohash", [5, "EUR"]]},
        "searches": {"jane doe": [1, None]},
        "paths": {"/orders/77/": [1, None]},
        "names": {"MUG": ["The MUG", "/mug.svg", "/admin/catalogue/product/MUG/"], "CUP": None},
        "alerts": {"1": ["No orders", 5, 0, "/admin/alerts/alert/1/"]},
        "health": {"stopped": {"since": 1, "words": "It stands.", "command": "python manage.py aggregate"}},
        "tomorrow": {"secret": 1},
    }
    frame = {"hub": "h", "seq": 7, "at": 1, "from": 6, "set": sections}
    told = for_guests(msgspec.json.encode(frame).decode())
    assert msgspec.json.decode(told) == {
        "hub": "h", "seq": 7, "at": 1, "from": 6,
        "set": {
            "now": {"orders": 3},
            "names": {"MUG": ["The MUG", "/mug.svg", None], "CUP": None},
            "alerts": {"1": ["No orders", 5, 0, None]},
            "health": {"stopped": {"since": 1, "words": "It stands.", "command": ""}},
        },
    }  # fmt: skip


def test_what_is_no_frame_passes() -> None:
    assert for_guests('{"figures":{}}') == '{"figures":{}}'


def test_a_fault_of_the_hub_is_told_to_guests() -> None:
    picture = Picture()
    picture.lose("Redis does not answer.")
    assert picture.sections().keys() <= PUBLIC.keys()
