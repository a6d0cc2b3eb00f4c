"""A filter of the live page, as its address and its socket name it. address, socket -> here -> hub.py.

A value of a dimension, or one of each of several: then only what the steps of the last half hour say is told
(decision 031). Bots are a filter of their own, which goes with one value, since their steps are not kept.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlencode

from dashboards.folds.base import LONGEST, MARKS

DIMENSIONS = ("product", "category", "source", "country", "device")
LONGEST_PRODUCT = 128  # of an id; other names are cut where they are counted


class BadView(Exception):
    """There is no such filter: its text is for the reader."""


class View(NamedTuple):
    """What a viewer looks at; all of it where `by` is empty."""

    by: str = ""
    value: str = ""
    bots: bool = False  # whether their clicks count, too
    also: tuple[tuple[str, str], ...] = ()  # what must fit as well, each of another dimension

    @property
    def values(self) -> dict[str, str]:
        """Dimension -> the value that is looked at."""
        return {self.by: self.value, **dict(self.also)} if self.by else {}

    def asked(self) -> dict[str, object]:
        """As the page is told of it; {} for everything."""
        found: dict[str, object] = {"by": self.by, "value": self.value} if self.by else {}
        return found | ({"also": self.also} if self.also else {}) | ({"bots": 1} if self.bots else {})

    @property
    def query(self) -> str:
        """The same in an address; "" for everything."""
        return urlencode(self.values | ({"bots": "in"} if self.bots else {}))


PLAIN = View()


def read_view(asked: Mapping[str, str]) -> View:
    """The view that {"country": "DE", "bots": "in"} asks for; other names are skipped. Raises BadView."""
    found = {name: asked[name] for name in DIMENSIONS if asked.get(name)}
    bots = asked.get("bots", "")
    if bots not in ("", "in"):
        raise BadView("bots are “in”, or not named at all")
    if len(found) > 1 and bots:
        raise BadView(f"bots go with one filter, not with {' and '.join(found)}")
    values = [(by, _checked(by, value)) for by, value in found.items()]
    first, *more = values or [("", "")]
    return View(*first, bots == "in", tuple(more))


def _checked(by: str, value: str) -> str:
    if value in MARKS:
        raise BadView(f"{value} stands for what is not kept apart, so nothing is known of it")
    if not value.isprintable() or len(value) > LONGEST_PRODUCT:
        raise BadView(f"that is no {by}")
    return value if by == "product" else value[:LONGEST]
