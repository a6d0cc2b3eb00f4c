"""Clicks and orders by country, device and source, for filters. Clicks, paid orders -> here -> HASH `slices`.

A field is its dimension's letter (`c`, `d`, `s`), what is counted, and the value: `cv|DE` products viewed,
`ca|DE` put into carts, `cb|DE` checkouts, `co|DE` orders, `cr|EUR|DE` their amounts in micros, `se|<host>`
all events of visits that the host sent; all events of a country or device are in `countries` and `devices`.
HASH `bot_slices` has the clicks of bots: `c|`, `d|`, `s|`, `p|` by product, `k|` by category.
"""

from collections import Counter
from collections.abc import Sequence

from dashboards.folds.base import LIST, LONGEST, AnyFold, Cap, Counts, hide_marks, paid
from dashboards.keys import micros
from shopsite.events.referrers import split_referrer
from shopsite.events.schemas import Click, OrderChanged

STAGES = {"view_item": "v", "add_to_cart": "a", "begin_checkout": "b"}
LETTERS = {"country": "c", "device": "d", "source": "s"}
_CAP = Cap(300, 1000, 2000)
_KEYS = "views, carts, checkouts, orders and amounts by country, device and source; all events by source"
_OF_CLICKS = [f"{letter}{stage}|" for letter in LETTERS.values() for stage in STAGES.values()]


def source(click: Click) -> str | None:
    """The site that sent the visit."""
    return source_of(click.source, click.referrer, click.site)


def source_of(told: str | None, referrer: str | None, site: str | None) -> str | None:
    """The site that sent a visit; where nobody says so, the click that came from there tells."""
    return told or (split_referrer(referrer, site)[0] if referrer else None)


def sources(clicks: Sequence[Click]) -> list[str | None]:
    """The source of each, as source() tells it, without a call for each."""
    split = split_referrer
    return [c.source or (split(c.referrer, c.site)[0] if c.referrer else None) for c in clicks]


def _count(clicks: Sequence[Click]) -> Counter[str]:
    found: Counter[str] = Counter()
    senders = sources(clicks)
    _add(found, "se|", senders)
    for type_, stage in STAGES.items():
        # few values, many clicks: the texts are made once for each that differs
        _add(found, f"c{stage}|", [c.country for c in clicks if c.type == type_])
        _add(found, f"d{stage}|", [c.device for c in clicks if c.type == type_])
        _add(found, f"s{stage}|", [s for c, s in zip(clicks, senders, strict=True) if c.type == type_])
    return hide_marks(found, "se|", *_OF_CLICKS)


def _add(found: Counter[str], kind: str, values: Sequence[str | None]) -> None:
    for value, number in Counter(values).items():
        if value:
            found[kind + value[:LONGEST]] += number


def _count_bots(clicks: Sequence[Click]) -> Counter[str]:
    found: Counter[str] = Counter()
    for click in clicks:
        named = (
            ("c|", click.country),
            ("d|", click.device),
            ("s|", source(click)),
            ("p|", click.product_id),
            ("k|", click.category),
        )
        found.update([kind + value[:LONGEST] for kind, value in named if value])
    return hide_marks(found, "c|", "d|", "s|", "p|", "k|")


def _sold(changes: Sequence[OrderChanged]) -> Counter[str]:
    found: Counter[str] = Counter()
    kinds: set[str] = set()
    for change in paid(changes):
        for letter, value in (("c", change.country), ("d", change.device), ("s", change.source)):
            if value:
                amount = f"{letter}r|{change.currency}|"
                kinds.update((f"{letter}o|", amount))
                found[f"{letter}o|{value[:LONGEST]}"] += 1
                found[amount + value[:LONGEST]] += micros(change.amount)
    return hide_marks(found, *kinds)


FOLDS: list[AnyFold] = [
    Counts(
        name="slices", topic="clicks", tile="filters", keys=_KEYS, fields=_count, cap=_CAP, has_kinds=True
    ),
    Counts(name="slices", topic="orders", tile="filters", keys=_KEYS, fields=_sold, cap=_CAP, has_kinds=True),
    Counts(
        name="bot_slices",
        topic="clicks",
        tile="filters",
        keys="clicks of bots by country, device, source, product and category",
        fields=_count_bots,
        cap=LIST,
        has_kinds=True,
        of_bots=True,
    ),
]
