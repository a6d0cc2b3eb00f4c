"""What the window means: rows of tabs and products, delays, and sums that are kept by what changes."""

from dataclasses import dataclass

from redis.asyncio import Redis

from dashboards.folds.base import OTHER
from dashboards.keys import first_keys
from dashboards.screen import sections
from dashboards.screen.sections import ProductFigures, product_rows, tab
from dashboards.screen.window import Tally, Window
from shopsite.wording import sell_out_text

NOW = 1_718_715_625.0  # 25 seconds into a minute
MINUTE = 1_718_715_600


def window_of(fold: str, *buckets: tuple[int, dict[str, int]]) -> Window:
    window = Window(Redis(), first_keys())
    for start, fields in buckets:
        window.tallies["m", fold].put(start, "clicks-0", fields)
    return window


def test_a_bucket_that_is_set_again_counts_once() -> None:
    tally = Tally()
    tally.put(60, "clicks-0", {"a": 2})
    tally.put(60, "clicks-0", {"a": 5, "b": 1})
    tally.put(60, "clicks-1", {"a": 1})
    assert dict(tally.total) == {"a": 6, "b": 1}


def test_what_is_too_old_leaves_the_sum() -> None:
    tally = Tally()
    tally.put(60, "clicks-0", {"a": 2})
    tally.put(120, "clicks-0", {"a": 3})
    tally.forget(120)
    assert dict(tally.total) == {"a": 3}
    assert list(tally.buckets) == [(120, "clicks-0")]


def test_a_tab_with_few_rows_has_no_rest() -> None:
    window = window_of("countries", (MINUTE, {"DE": 3, "AT": 1}))
    assert tab(window, "countries", {}) == {"DE": [3, None], "AT": [1, None]}


def test_what_does_not_fit_into_a_tab_is_one_row_and_nothing_is_lost() -> None:
    fields = {f"c{n}": 20 - n for n in range(10)}
    rows = tab(window_of("countries", (MINUTE, fields | {OTHER: 4})), "countries", {"c0": 5, "c9": 2})
    assert len(rows) == sections.TOP
    assert rows["c0"] == [20, 5]
    assert rows["c1"] == [19, None]
    assert rows[OTHER] == [sum(fields.values()) - sum(range(15, 21)) + 4, 2]


def figures(sold: int) -> ProductFigures:
    return ProductFigures(views=9, carts=1, sold=sold, views_a_minute=1)


@dataclass(frozen=True)
class Seen:
    """An outlook."""

    minutes_left: float | None
    soonest: float | None = None
    latest: float | None = None
    burn: str = ""

    @property
    def words(self) -> str:
        return sell_out_text(self.minutes_left, self.soonest, self.latest)


def test_a_row_says_when_it_is_sold_out_as_the_board_does() -> None:
    many = {sku: figures(0) for sku in ("SOON", "GONE", "NEVER", "ANY")}
    stock = {"SOON": 5, "GONE": 0, "NEVER": 5, "ANY": None}
    rows = product_rows(many, stock, {"SOON": Seen(300.4, 180, 540), "GONE": Seen(9), "NEVER": Seen(None)})
    ends = {sku: (row.minutes_left, row.sells_out) for sku, row in rows.items()}  # type: ignore[attr-defined]
    assert ends == {
        "SOON": (300, "5 h (3 h to 9 h)"),
        "GONE": (0, ""),
        "NEVER": (None, ""),
        "ANY": (None, ""),
    }


def test_whoever_is_first_by_any_column_is_in_the_table() -> None:
    many = {f"p{n:02}": figures(sold=0) for n in range(40)}
    many["gone"] = ProductFigures(views=1, carts=0, sold=3, views_a_minute=0)
    stock: dict[str, int | None] = dict.fromkeys(many, 50)
    stock["gone"] = 0
    assert "gone" in product_rows(many, stock, {})
    assert len(product_rows(many, stock, {})) < len(many)


def test_views_a_minute_are_those_of_the_last_sixty_seconds() -> None:
    window = window_of(
        "products", (MINUTE - 60, {"v|MUG": 60}), (MINUTE, {"v|MUG": 10, "c|MUG": 2, "u|MUG": 1})
    )
    mug = sections.product_figures(window, NOW)["MUG"]
    assert mug.views_a_minute == 10 + 35
    assert (mug.views, mug.carts, mug.sold) == (70, 1, 1)


def test_the_delay_is_what_95_of_100_events_stayed_below() -> None:
    window = window_of("delay", (MINUTE, {"10": 94, "50": 1, "3000": 5}))
    assert sections.delay_p95(window, NOW) == 50


def test_without_events_there_is_no_delay() -> None:
    assert sections.delay_p95(window_of("delay"), NOW) is None


def test_an_average_of_several_currencies_is_not_told() -> None:
    window = Window(Redis(), first_keys())
    window.tallies["h", "orders"].put(MINUTE, "orders-0", {"orders": 2})
    window.tallies["h", "revenue"].put(MINUTE, "orders-0", {"EUR": 5_000_000, "GBP": 1})
    now = sections.numbers(window, NOW, "EUR")
    assert (now["sales"], now["orders"], now["currencies"]) == (5_000_000, 2, 1)
    assert "average" not in now
