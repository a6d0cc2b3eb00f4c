"""The last events in plain words. Redis lists -> here -> hub.py.

Each event is read and worded once; a person is named by a short hash, which only tells one's own apart.
"""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from hashlib import blake2b

import msgspec

from dashboards.keys import Recent, micros

SHOWN = 30
OWN = 20  # of each person who watches, beside the last ones of all

WORDS = {
    "view_item": "viewed",
    "view_item_list": "browsed",
    "search": "searched",
    "add_to_cart": "cart",
    "remove_from_cart": "removed",
    "view_cart": "saw cart",
    "begin_checkout": "checkout",
    "add_payment_info": "payment",
    "page_view": "visited",
    "order_payment_failed": "failed",
    "order_backordered": "waits",
}

_decode = msgspec.json.Decoder(Recent).decode


def who(user_id: str) -> str:
    """What stands for a person on the page: short, and not the id."""
    return blake2b(user_id.encode(), digest_size=5).hexdigest() if user_id else ""


class Feed:
    """The events that were read, by a short hash of their text. chosen: whether one is wanted."""

    def __init__(self, chosen: Callable[[Recent], bool] | None = None) -> None:
        self._chosen = chosen
        self._events: dict[str, Recent] = {}
        self.watching: set[str] = set()  # who() of the people at the screens

    def take(self, lists: Iterable[Iterable[bytes]]) -> None:
        """Add what is new, keep the last ones of all and of those who watch."""
        for texts in lists:
            for text in texts:
                key = blake2b(text, digest_size=5).hexdigest()
                if key in self._events:
                    continue
                event = _decode(text)
                if self._chosen is None or self._chosen(event):
                    self._events[key] = event
        self._events = {key: self._events[key] for key in self._kept()}

    def _kept(self) -> list[str]:
        newest = sorted(self._events, key=lambda key: (-self._events[key].at, key))
        left = dict.fromkeys(self.watching, OWN)
        kept = newest[:SHOWN]
        for key in newest[SHOWN:]:
            person = who(self._events[key].user)
            if left.get(person, 0):
                left[person] -= 1
                kept.append(key)
        return kept

    def products(self) -> set[str]:
        """The products that the events name."""
        return {event.product for event in self._events.values() if event.product}

    def section(self, title: Callable[[str], str]) -> dict[str, object]:
        """Key -> [epoch ms, kind, what, where, who, [micros, currency] of an order or null, product, device,
        source, category]. What is a path where neither a product nor a search says more.
        """
        return {key: _row(event, title) for key, event in self._events.items()}


def _row(event: Recent, title: Callable[[str], str]) -> list[object]:
    kind = WORDS.get(event.type, event.type.removeprefix("order_").replace("_", " "))
    if event.kind == "stock":
        return [
            event.at,
            "stock",
            f"{event.change:+d} {title(event.product)}",
            event.type,
            "",
            None,
            event.product,
            "",
            "",
            "",
        ]
    came = [event.device, event.source, event.category]
    if event.kind == "order":
        paid = [micros(Decimal(event.amount)), event.currency] if event.amount else None
        return [event.at, kind, event.order, event.country, who(event.user), paid, event.product, *came]
    what = title(event.product) if event.product else event.search or event.path
    return [event.at, kind, what, event.country, who(event.user), None, event.product, *came]


def titles(names: Mapping[str, list[object]]) -> Callable[[str], str]:
    """The title of a product from the screen's names, its id where it has none yet."""
    return lambda product_id: str(names[product_id][0]) if product_id in names else product_id
