"""The answers as formulas: docs/metrics.md defines each."""

from dataclasses import dataclass
from decimal import Decimal

import pytest

from dashboards.answers.demand import demand, missed_in_all
from dashboards.answers.dropoff import steps
from dashboards.answers.together import partners
from dashboards.answers.trending import trends
from dashboards.answers.vain import vain
from dashboards.folds.base import OFF, OTHER
from dashboards.keys import STEP


# --- trending -----------------------------------------------------------------------------------
def test_a_product_trends_against_its_own_normal_not_against_others() -> None:
    week = {"MUG": 10_000, "TENT": 100, "LAMP": 5_000}
    found = trends({"MUG": 660, "TENT": 40, "LAMP": 300}, week)
    assert [(trend.product_id, trend.views) for trend in found] == [("TENT", 40)]
    assert found[0].usual == pytest.approx(1000 * 100 / 15_100, abs=0.01)


def test_a_busy_evening_makes_nothing_trend() -> None:
    week = {"MUG": 1000, "TENT": 500}
    assert trends({"MUG": 2000, "TENT": 1000}, week) == []


def test_a_new_product_trends_once_enough_people_look() -> None:
    week = {"MUG": 1000}
    assert [trend.product_id for trend in trends({"MUG": 100, "NEW": 20}, week)] == ["NEW"]
    assert trends({"MUG": 100, "NEW": 4}, week) == []
    assert trends({"NEW": 500}, {}) == []


# --- bought together ----------------------------------------------------------------------------
def test_partners_are_those_bought_with_it_more_often_than_chance() -> None:
    singles = {"TENT": 10, "MAT": 10, "MUG": 90}
    found = partners(singles, {f"MAT{STEP}TENT": 8, f"MUG{STEP}TENT": 8, f"MAT{STEP}MUG": 1}, orders=100)
    assert [(one.product_id, one.orders, one.lift) for one in found["TENT"]] == [("MAT", 8, 8.0)]
    assert [one.product_id for one in found["MAT"]] == ["TENT"]
    assert "MUG" not in found


def test_a_pair_that_was_bought_once_is_no_pair() -> None:
    assert partners({"A": 1, "B": 1}, {f"A{STEP}B": 1}, orders=1000) == {}


def test_single_counts_that_a_full_bucket_dropped_make_no_impossible_lift() -> None:
    found = partners({}, {f"A{STEP}B": 4}, orders=100)
    assert found["A"][0].lift == 25.0


# --- drop-off -----------------------------------------------------------------------------------
def test_a_step_that_loses_more_than_usual_is_unusual() -> None:
    before = [{"view_item": 1000, "add_to_cart": 200}] * 7
    bad = steps({"view_item": 1000, "add_to_cart": 100}, before)[0]
    assert (bad.went_on, bad.usual, bad.is_unusual) == (0.1, 0.2, True)
    assert bad.score is not None
    assert bad.score < -3
    assert not steps({"view_item": 1000, "add_to_cart": 195}, before)[0].is_unusual


def test_few_people_say_nothing() -> None:
    step = steps({"view_item": 10, "add_to_cart": 0}, [{"view_item": 1000, "add_to_cart": 500}])[0]
    assert (step.went_on, step.score, step.is_unusual) == (0.0, None, False)
    assert steps({}, [])[0].went_on is None


# --- searches in vain ---------------------------------------------------------------------------
def test_words_that_find_nothing_come_by_how_often_they_are_looked_for() -> None:
    found = vain({"hoodie": 3, "tent": 9, OTHER: 50, OFF: 2}, {"hoodie": 3, "tent": 90})
    assert [(one.words, one.searches, one.share) for one in found] == [("tent", 9, 0.1), ("hoodie", 3, 1.0)]


# --- demand and stock ---------------------------------------------------------------------------
@dataclass(frozen=True)
class Seen:
    """An outlook."""

    minutes_left: float | None
    soonest: float | None = None
    latest: float | None = None
    burn: str = ""
    words: str = ""


def test_what_is_wanted_stands_beside_the_boards_outlook() -> None:
    window = {"v": {"MUG": 60, "NEW": 9}, "c": {"MUG": 30}, "u": {"MUG": 10}}
    mug, new = demand(window, {}, {"MUG": 20, "NEW": 9}, {"MUG": Seen(60.0, 40.0, None)}, {})
    assert (mug.views_a_minute, mug.carts_a_minute, mug.sold) == (2.0, 1.0, 10)
    assert (mug.minutes_left, mug.soonest, mug.latest) == (60.0, 40.0, None)
    assert (mug.sells_out, new.sells_out) == ("60 min (40 min to never)", "not in sight")
    assert (mug.missed_an_hour, new.minutes_left) == (None, None)


def test_what_is_sold_out_misses_views_times_conversion_times_price() -> None:
    window = {"v": {"MUG": 30, "LAMP": 300, "ODD": 5}}
    usual = {"v": {"MUG": 1000, "LAMP": 1000}, "u": {"MUG": 100, "LAMP": 10}}
    prices = {"MUG": Decimal("12.50"), "LAMP": Decimal(10)}
    rows = demand(window, usual, {"MUG": 0, "LAMP": -2, "ODD": 0}, {}, prices)
    missed = {row.product_id: row.missed_an_hour for row in rows}
    assert missed == {"MUG": Decimal("75.00"), "LAMP": Decimal("60.00"), "ODD": None}
    assert [row.product_id for row in rows] == ["MUG", "LAMP", "ODD"]
    assert {(row.minutes_left, row.sells_out) for row in rows} == {(0.0, "sold out")}
    assert missed_in_all(rows) == Decimal("135.00")


def test_what_is_sold_out_stands_before_what_ends_soon_before_what_lasts() -> None:
    window = {"u": {"SOON": 30, "LATER": 1}, "v": {"OUT": 1, "NEVER": 9}}
    outlook = {"SOON": Seen(3.0), "LATER": Seen(1500.0), "NEVER": Seen(None)}
    rows = demand(window, {}, {"LATER": 50, "NEVER": 50, "SOON": 3, "OUT": 0}, outlook, {})
    assert [row.product_id for row in rows] == ["OUT", "SOON", "LATER", "NEVER"]
