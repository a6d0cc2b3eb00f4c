"""Many clicks read at once are what each is alone: a hostile one harms only itself."""

import json
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from shopsite.events.schemas import MAX_CLICK_BYTES, TOGETHER, Click, PoisonEvent, read_click, read_clicks

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def alone(value: bytes | None) -> Click | str:
    try:
        return read_click(value, origin="", now=NOW)
    except PoisonEvent as error:
        return str(error)


def together(values: list[bytes | None]) -> list[Click | str]:
    return [str(e) if isinstance(e, PoisonEvent) else e for e in read_clicks(values, now=NOW)]


def message(**fields: object) -> bytes:
    return json.dumps(
        {"user_id": "u", "product_id": "p", "timestamp": "2026-01-01T00:00:00Z", **fields}
    ).encode()


good = st.builds(message, user_id=st.sampled_from(["a", "b"]), search=st.sampled_from([None, "mug"]))
ODD: list[bytes | None] = [
    *(None, b"", b"{", b"[]", b"null", b"\xff", b'{"user_id":"a"', b"{},{}", b"[" * 100_000),
    *(
        message(user_id=7),
        message(product_id=1.5),
        message(user_id=""),
        message(user_id=None),
        b" " + message(),
    ),
    *(message(search="café"), message(search="a\0b"), message(path="\\u0000"), message(unknown="\0")),
    *(
        message(timestamp=at)
        for at in ("2026-01-01T00:00:00", "2026-01-01T02:00:00+02:00", "1969-12-31T23:59:59Z")
    ),
    *(
        message(timestamp=at)
        for at in ("2026-01-02T03:14:05Z", "2026-01-02T03:14:06Z", "9999-12-31T23:59:59-14:00")
    ),
    *(message(event_id="e"), message(event_id=5), message(bot=True), message(type="jump")),
    *(message(pad="x" * (MAX_CLICK_BYTES - 200)), message(pad="x" * MAX_CLICK_BYTES)),
]
odd = st.sampled_from(ODD)


@settings(deadline=None, max_examples=60)
@given(st.lists(good | good | odd, max_size=12), st.integers(0, 2))
def test_read_together_each_is_what_it_is_alone(values: list[bytes | None], more: int) -> None:
    values = values + [message(user_id=f"u{n}") for n in range(more * TOGETHER - 3)] + values
    assert together(values) == [alone(value) for value in values]


def test_each_odd_message_is_tried_among_good_ones() -> None:
    for value in ODD:
        some = [message(), value, message(user_id="v")]
        assert together(some) == [alone(each) for each in some]
