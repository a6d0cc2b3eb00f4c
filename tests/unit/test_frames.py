"""What a viewer is told: absolute values of what changed, by number."""

import json
from typing import Any

from dashboards.screen.frames import KEEP, Screen


def shown(screen: Screen, seq: int) -> dict[str, Any]:
    return dict(json.loads(screen.since(seq)))


def screen_of(*states: dict[str, dict[str, object]]) -> Screen:
    screen = Screen()
    for at, state in enumerate(states, start=1):
        screen.update(state, at=at)
    return screen


def test_a_new_viewer_gets_everything() -> None:
    screen = screen_of({"now": {"orders": 1, "sales": 2}})
    assert shown(screen, 0) == {
        "hub": screen.id,
        "seq": 1,
        "at": 1,
        "from": 0,
        "set": {"now": {"orders": 1, "sales": 2}},
    }


def test_a_viewer_who_is_there_gets_only_what_changed() -> None:
    screen = screen_of({"now": {"orders": 1, "sales": 2}}, {"now": {"orders": 2, "sales": 2}})
    frame = shown(screen, 1)
    assert (frame["from"], frame["set"]) == (1, {"now": {"orders": 2}})


def test_a_key_that_is_gone_is_null() -> None:
    screen = screen_of({"products": {"MUG": [1], "CAP": [2]}}, {"products": {"CAP": [2]}})
    assert shown(screen, 1)["set"] == {"products": {"MUG": None}}


def test_that_a_section_is_empty_is_told_once() -> None:
    """A page that has not heard of it shows bones, and no zeros."""
    screen = screen_of({"now": {"orders": 1}}, {"now": {"orders": 2}, "status": {}}, {"status": {}})
    assert shown(screen, 1)["set"] == {"now": {"orders": 2}, "status": {}}
    assert shown(screen, 2)["set"] == {}
    assert shown(screen, 0)["set"] == {"now": {"orders": 2}, "status": {}}


def test_a_section_that_was_not_drawn_stays_as_it_was() -> None:
    screen = screen_of({"now": {"orders": 1}, "feed": {"a": 1}}, {"now": {"orders": 2}})
    assert shown(screen, 0)["set"] == {"now": {"orders": 2}, "feed": {"a": 1}}


def test_who_lags_gets_one_frame_that_says_the_same_as_all_the_missed_ones() -> None:
    states: list[dict[str, dict[str, object]]] = [
        {"now": {"orders": 1, "sales": 5}},
        {"now": {"orders": 2, "sales": 5}},
        {"now": {"orders": 3}},
        {"now": {"orders": 3, "average": 7}},
    ]
    screen = screen_of(*states)
    merged = shown(screen, 1)
    assert (merged["from"], merged["seq"]) == (1, 4)
    assert merged["set"] == {"now": {"orders": 3, "sales": None, "average": 7}}


def test_who_lags_further_than_is_kept_gets_a_snapshot() -> None:
    states: list[dict[str, dict[str, object]]] = [{"now": {"orders": n}} for n in range(KEEP + 5)]
    screen = screen_of(*states)
    assert shown(screen, 2)["from"] == 0
    assert shown(screen, screen.seq - KEEP)["from"] == screen.seq - KEEP


def test_a_number_from_the_future_gets_a_snapshot() -> None:
    screen = screen_of({"now": {"orders": 1}})
    assert shown(screen, 7)["from"] == 0


def test_a_frame_is_encoded_once_for_all_who_have_the_same_number() -> None:
    screen = screen_of({"now": {"orders": 1}}, {"now": {"orders": 2}})
    assert screen.since(1) is screen.since(1)


def test_nothing_new_is_a_small_frame_that_says_the_hub_lives() -> None:
    screen = screen_of({"now": {"orders": 1}}, {"now": {"orders": 1}})
    assert shown(screen, 1) == {"hub": screen.id, "seq": 2, "at": 2, "from": 1, "set": {}}
