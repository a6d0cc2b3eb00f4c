"""Messages that nobody can process, made from one that everybody can."""

import json
from typing import Any


def bad_messages(good: dict[str, Any], *, id_field: str, field: str) -> dict[str, bytes | None]:
    """What is wrong -> the message. field: a required one that is no timestamp, to be broken."""
    text = json.dumps(good).encode()
    written = json.dumps(good[field]).encode()
    changes: dict[str, dict[str, Any]] = {
        "a list for a value": {field: [1]},
        "a bool for an id": {id_field: True},
        "null for an id": {id_field: {}},
        "an empty id": {id_field: ""},
        "a long id": {id_field: "x" * 129},
        "a NUL byte": {id_field: "a\0b"},
        "a future timestamp": {"timestamp": "2199-01-01T00:00:00Z"},
        "a wrong timestamp": {"timestamp": "yesterday"},
        "a number for a timestamp": {"timestamp": 1718714096},
        "too long": {"note": "x" * 600_000},
    }
    return {
        "null, a tombstone": None,
        "empty": b"",
        "not JSON": b"hello",
        "half of it": text[: len(text) // 2],
        "invalid UTF-8": text.replace(json.dumps(good[id_field]).encode(), b'"\xff\xfe"'),
        "NaN": text.replace(written, b"NaN"),
        "a list": b"[]",
        "JSON's null": b"null",
        "a missing field": json.dumps(
            {name: value for name, value in good.items() if name != field}
        ).encode(),
        "a huge number": text.replace(written, b"9" * 5000),
        "deep nesting": b'{"x":' + b"[" * 30_000 + b"]" * 30_000 + b"," + text[1:],
        **{what: json.dumps({**good, **change}).encode() for what, change in changes.items()},
    }
