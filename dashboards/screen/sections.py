"""What the window means, as the sections that a screen shows. window.py, board, last week -> here -> hub.py.

A value that is not known is left out of its section, never 0; the page writes a dash.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from dashboards.board import Outlook
from dashboards.counting.delays import p95_ms
from dashboards.folds.base import MARKS, OFF, OTHER
from dashboards.keys import bucket, split_field
from dashboards.screen.window import STAGES, Tally, Window

Section = dict[str, object]
TOP = 7  # rows of a tab
RATE_SECONDS = 10
ROWS = 10  # of the product table, in each of the orders that it can be sorted by
TABS = {
    "sources": "referrers",
    "countries": "countries",
    "devices": "devices",
    "searches": "searches",
    "paths": "paths",
}


@dataclass(frozen=True)
class ProductFigures:
    """What the window says of one product."""

    views: int
    carts: int  # put in less taken out and sold, in half an hour
    sold: int
    views_a_minute: int


def numbers(window: Window, now: float, currency: str) -> Section:
    """The figures above the charts."""
    totals = {fold: window.tallies["m", fold].total for fold in ("events", "bots")}
    clicks, bots = (sum(totals[fold].values()) for fold in ("events", "bots"))
    section: Section = {"visitors": window.visitors, "visitors30": window.visitors30, "clicks30": clicks}
    section["rate"] = _rate(window, now)
    if clicks + bots:
        section["bots"] = round(bots / (clicks + bots), 3)
    today = window.tallies["h", "orders"].total["orders"]
    revenue = window.tallies["h", "revenue"].total
    section |= {"orders": today, "sales": revenue.get(currency, 0)}
    if others := len(revenue.keys() - {currency}):
        section["currencies"] = others
    if today and not others:
        section["average"] = round(revenue.get(currency, 0) / today)
    if viewed := window.funnel.get("view_item"):
        section["conversion"] = round(window.funnel["purchase"] / viewed, 4)
    return section


def _rate(window: Window, now: float) -> float:
    """Clicks a second over the last full seconds."""
    last = bucket(now, "s")
    seconds = window.tallies["s", "events"].buckets
    full = [fields for (start, _), fields in seconds.items() if last - RATE_SECONDS <= start < last]
    return round(sum(sum(fields.values()) for fields in full) / RATE_SECONDS, 1)


def minutes(window: Window, now: float, currency: str) -> Section:
    """Minute since 1970 -> [clicks, orders, revenue in micros], the last one still running."""
    clicks = _by_start(window.tallies["m", "events"], lambda fields: sum(fields.values()))
    orders = _by_start(window.tallies["m", "orders"], lambda fields: fields.get("orders", 0))
    revenue = _by_start(window.tallies["m", "revenue"], lambda fields: fields.get(currency, 0))
    return {str(at // 60): [clicks[at], orders[at], revenue[at]] for at in window.minutes(now)}


def _by_start(tally: Tally, value: Callable[[Mapping[str, int]], int]) -> Counter[int]:
    sums: Counter[int] = Counter()
    for (start, _), fields in tally.buckets.items():
        sums[start] += value(fields)
    return sums


def funnel(window: Window, before: Mapping[str, int]) -> Section:
    """Stage -> [people now, people last week or null]."""
    return {stage: [window.funnel.get(stage, 0), before.get(stage)] for stage in STAGES}


def tab(window: Window, name: str, before: Mapping[str, int]) -> Section:
    """The first rows of a tab: name -> [now, last week or null]; what is left over is one row."""
    return first_rows(_without_bound(window.tallies["m", TABS[name]].total), before=_without_bound(before))


def first_rows(total: Mapping[str, int], *, before: Mapping[str, int]) -> Section:
    """The same of any count by name."""
    first = [field for field in sorted(total, key=lambda field: (-total[field], field)) if field != OTHER]
    shown, rest = first[:TOP], first[TOP:]
    if len(rest) + (OTHER in total) > 0:
        shown, rest = first[: TOP - 1], [*first[TOP - 1 :], OTHER]
    rows: Section = {field: [total[field], before.get(field) if before else None] for field in shown}
    if rest:
        was = sum(before.values()) - sum(before.get(field, 0) for field in shown) if before else None
        rows[OTHER] = [sum(total.get(field, 0) for field in rest), was]
    return rows


def _without_bound(fields: Mapping[str, int]) -> dict[str, int]:
    return {field: number for field, number in fields.items() if field != OFF}


def delay_p95(window: Window, now: float) -> int | None:
    """The time from event to aggregate that 95 of 100 events stayed below, ms, in the last two minutes."""
    counts: Counter[str] = Counter()
    for start in (bucket(now, "m"), bucket(now, "m") - 60):
        for fields in window.tallies["m", "delay"].at(start):
            counts.update(fields)
    return p95_ms(counts)


# --- products ---------------------------------------------------------------------------------
def product_figures(window: Window, now: float) -> dict[str, ProductFigures]:
    """What the window says of every product that anybody touched."""
    sums: dict[str, Counter[str]] = {}
    for field, value in window.tallies["m", "products"].total.items():
        kind, product_id = split_field(field)
        if kind != "r" and product_id not in MARKS:  # money has a currency in its name, and no column here
            sums.setdefault(product_id, Counter())[kind] += value
    views = views_a_minute(lambda start: views_at(window, start), now)
    return {
        product_id: ProductFigures(
            found["v"], in_carts(found["c"], found["x"], found["u"]), found["u"], views[product_id]
        )
        for product_id, found in sums.items()
    }


def in_carts(put_in: int, taken_out: int, sold: int) -> int:
    """What is left in carts; what was put in before the half hour may be sold in it."""
    return max(0, put_in - taken_out - sold)


def views_a_minute(views_in: Callable[[int], Counter[str]], now: float) -> Counter[str]:
    """Views of each product in the last 60 seconds. views_in: those of the minute that begins then."""
    running = bucket(now, "m")
    part = 1 - (now - running) / 60  # of the minute before that still counts
    views, before = views_in(running), views_in(running - 60)
    return Counter({sku: views[sku] + round(part * before[sku]) for sku in views.keys() | before.keys()})


def views_at(window: Window, start: int) -> Counter[str]:
    """Views of each product in one minute."""
    views: Counter[str] = Counter()
    for fields in window.tallies["m", "products"].at(start):
        for field, value in fields.items():
            if field.startswith("v|"):
                views[field[2:]] += value
    return views


def touched_products(window: Window) -> set[str]:
    """Whatever the window's capped list of products names."""
    named = {split_field(field) for field in window.tallies["m", "products"].total}
    return {product_id for kind, product_id in named if kind != "r" and product_id not in MARKS}


class Row(NamedTuple):
    """One product as the page gets it: an array in this order."""

    views: int  # in the last 60 seconds
    carts: int
    sold: int
    available: int | None  # None: nobody keeps its stock
    minutes_left: int | None  # until it is sold out, by what is known of its sales
    sells_out: str  # the same in words, with its interval


_NEVER = float("inf")
_COLUMNS: tuple[Callable[[Row], float], ...] = (
    lambda row: -row.views,
    lambda row: -row.carts,
    lambda row: -row.sold,
    lambda row: _NEVER if row.available is None else row.available,
    lambda row: _NEVER if row.minutes_left is None else row.minutes_left,
)


def product_rows(
    figures: Mapping[str, ProductFigures], stock: Mapping[str, int | None], outlook: Mapping[str, Outlook]
) -> Section:
    """Product -> its row, for the first ten of each order that the table can have."""
    rows = {sku: _row(found, stock[sku], outlook.get(sku)) for sku, found in figures.items() if sku in stock}
    return {sku: rows[sku] for sku in _first_of_each_order(rows)}


def _row(found: ProductFigures, available: int | None, seen: Outlook | None) -> Row:
    left = seen.minutes_left if seen else None
    if available is not None and available <= 0:
        left = 0
    minutes = None if left is None else round(left)
    words = seen.words if seen and left else ""
    return Row(found.views_a_minute, found.carts, found.sold, available, minutes, words)


def _first_of_each_order(rows: Mapping[str, Row]) -> set[str]:
    """Whoever is among the first ten by any column."""
    found: set[str] = set()
    for column in _COLUMNS:
        found.update(sorted(rows, key=lambda sku: (column(rows[sku]), -rows[sku].views))[:ROWS])
    return found


def sparks(
    views_in: Callable[[int], Counter[str]], minutes_shown: Iterable[int], product_ids: Iterable[str]
) -> Section:
    """Product -> its views in each of these minutes, oldest first."""
    by_minute = [views_in(start) for start in minutes_shown]
    return {product_id: [views[product_id] for views in by_minute] for product_id in product_ids}


def candidates(figures: Mapping[str, ProductFigures], most: int = 200) -> list[str]:
    """The products whose stock is worth a look: those that people care for most."""
    return sorted(figures, key=lambda found: (-figures[found].sold, -figures[found].views, found))[:most]
