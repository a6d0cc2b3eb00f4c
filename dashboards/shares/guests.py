"""What a guest sees of a frame: no customer, nothing of the staff's. hub.py -> here -> sockets.py.

A section that is not named here does not pass, so a new one is private until somebody decides.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

Values = Mapping[str, Any]
Cleaner = Callable[[Values], Values]


def _as_it_is(values: Values) -> Values:
    return values


def _each(clean: Callable[[list[Any]], list[Any]]) -> Cleaner:
    """Every value cleaned; null, which takes a key away, stays."""

    def cleaned(values: Values) -> Values:
        return {key: value and clean(value) for key, value in values.items()}

    return cleaned


def _name(value: list[Any]) -> list[Any]:
    title, picture, _figures = value
    return [title, picture, None]


def _alert(value: list[Any]) -> list[Any]:
    rule, since, seen, _admin = value
    return [rule, since, seen, None]


def _health(values: Values) -> Values:
    stopped = values.get("stopped")
    return {**values, "stopped": {**stopped, "command": ""}} if stopped else values


PUBLIC: Mapping[str, Cleaner] = {
    **dict.fromkeys(
        ("now", "was", "minutes", "ghost", "funnel", "sources", "countries", "devices"), _as_it_is
    ),
    **dict.fromkeys(("products", "sparks", "status", "attention", "marks"), _as_it_is),
    "names": _each(_name),
    "alerts": _each(_alert),
    "health": _health,
}  # not: feed (persons' steps), searches (what people type), paths (addresses of orders)


@lru_cache(maxsize=64)  # all guests of a moment get the same frame, so it is made once
def for_guests(text: str) -> str:
    """A frame of the hub with what is public of it; what is no frame passes."""
    frame = msgspec.json.decode(text)
    if "set" not in frame:
        return text
    frame["set"] = {name: PUBLIC[name](values) for name, values in frame["set"].items() if name in PUBLIC}
    return msgspec.json.encode(frame).decode()
