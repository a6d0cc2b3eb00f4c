"""What the structs say, as JSON Schema for other programmers. schemas.py -> here -> docs/schemas/*.json."""

import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from shopsite.events.schemas import Click, OrderChanged, OrderPlaced, StockChanged

FILES: Final[Mapping[str, type[msgspec.Struct]]] = {
    "click.json": Click,
    "order_placed.json": OrderPlaced,
    "order_changed.json": OrderChanged,
    "stock_changed.json": StockChanged,
}


def json_schemas() -> dict[str, str]:
    """File name -> text of each schema."""
    return {name: _document(struct) for name, struct in FILES.items()}


def _document(struct: type[msgspec.Struct]) -> str:
    _, parts = msgspec.json.schema_components([struct], ref_template="#/$defs/{name}")
    parts = {name: _plain(part) for name, part in parts.items()}
    main = parts.pop(struct.__name__)
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **main}
    if parts:
        whole["$defs"] = parts
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def _plain(node: Any) -> Any:  # noqa: ANN401 - JSON
    """The node with our mark for `a number is taken as its text` told in JSON Schema's own words."""
    if isinstance(node, list):
        return [_plain(part) for part in node]
    if not isinstance(node, dict):
        return node
    found = {name: _plain(part) for name, part in node.items() if name != "x-number-too"}
    if "x-number-too" in node:
        found["type"] = ["string", "number"]
        if found.pop("format", None) == "decimal":
            found |= {"type": ["number", "string"], "minimum": 0, "exclusiveMaximum": 1_000_000_000}
            found["pattern"] = r"^\+?\d{1,9}(\.\d*)?([eE]-?\d+)?$"
    return found
