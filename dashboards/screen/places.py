"""What the shop's pages are called, where a path is told. folds/paths.py -> here -> the live page, ranged."""

import re
from collections.abc import Callable, Mapping

from dashboards.keys import STEP

PLACES: Mapping[str, str] = {"/": "Home", "/search": "Search", "/cart/": "Cart", "/checkout/": "Checkout"}
_OF_ONE = re.compile(r"/([pc])/([^/]+)/")


def product_of(path: str) -> str:
    """The id of the product whose page this is, "" where it is none."""
    found = _OF_ONE.fullmatch(path)
    return found[2] if found and found[1] == "p" else ""


def place(path: str, title: Callable[[str], str], shelf: Callable[[str], str]) -> str:
    """A page of the shop by what it is, another site's path as it stands.

    title, shelf: the words for an id and for a slug.
    """
    if path.startswith("/orders/"):
        return "Order"  # whose it is, is nobody's business here
    if found := _OF_ONE.fullmatch(path):
        return title(found[2]) if found[1] == "p" else shelf(found[2])
    return PLACES.get(path) or path or "outside"


def steps(field: str) -> list[str]:
    """The two paths of a step as it is counted."""
    return field.split(STEP)
