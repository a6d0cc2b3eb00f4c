"""Events that happen now, folded by the real code into the test's Redis, for screens to show."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import redis
from django.conf import settings

from dashboards.counting.aggregate import fold_batch
from dashboards.keys import split_partition
from tests.support.aggregates import Log, LogRecord, writer_of


def happens(client: "redis.Redis", tp: str, *events: Mapping[str, object]) -> None:
    """These messages arrive in the partition, and are folded at once."""
    writer = writer_of(client)
    part = Log(tp, []).part(writer)
    values = [json.dumps({"timestamp": rfc3339(), **event}).encode() for event in events]
    own = split_partition(tp)[0] == "orders"
    records = [
        LogRecord(
            part.next + place, value, headers=[("seq", str(part.next + place + 1).encode())] if own else ()
        )
        for place, value in enumerate(values)
    ]
    batch, _ = fold_batch(part, records, part.next + len(records), datetime.now(UTC))
    assert writer.apply(batch)


def views(client: "redis.Redis", *users: str, product: str = "MUG", tp: str = "clicks-0") -> None:
    """Each of them looks at the product now."""
    happens(client, tp, *({"user_id": user, "product_id": product} for user in users))


def an_order_is_paid(client: "redis.Redis", order_id: str, amount: str = "10.00") -> None:
    """An order in the shop's currency is paid now."""
    line = {"product_id": "MUG", "quantity": 1, "price": amount}
    happens(
        client,
        "orders-0",
        {
            "order_id": order_id, "user_id": "u1", "type": "order_paid", "event_id": f"paid-{order_id}",
            "amount": amount, "currency": settings.SHOP_CURRENCY, "previous": "placed", "status": "paid",
            "lines": [line],
        },
    )  # fmt: skip


def the_aggregate_process_lives(client: "redis.Redis") -> None:
    """Its heartbeat, without the process."""
    beat = {"name": "aggregate", "pid": 1, "host": "test", "started": 0.0, "at": 0.0, "lag": 0}
    client.set(f"{settings.REDIS_PREFIX}beat:aggregate:1", msgspec.json.encode(beat), ex=60)


def rfc3339() -> str:
    """Now."""
    return datetime.now(UTC).isoformat()


class Shown:
    """What a page shows that applies frames as store.js does."""

    def __init__(self) -> None:
        self.hub, self.seq, self.frames = "", 0, 0
        self.sections: dict[str, dict[str, Any]] = {}

    def apply(self, text: str) -> None:
        """Take a frame. Raises AssertionError where it does not join what is here."""
        frame = json.loads(text)
        if "figures" in frame:
            return
        if frame["from"] == 0:
            self.sections = {}
        else:
            assert (frame["hub"], frame["from"]) == (self.hub, self.seq), "a gap"
        for name, values in frame["set"].items():
            section = self.sections.setdefault(name, {})
            for key, value in values.items():
                if value is None:
                    section.pop(key, None)
                else:
                    section[key] = value
        self.hub, self.seq = frame["hub"], frame["seq"]
        self.frames += 1

    def now(self, name: str) -> Any:  # noqa: ANN401
        """One of the six numbers, None where it is not known."""
        return self.sections.get("now", {}).get(name)


def clicks_shown(shown: Shown) -> int:
    """All clicks of the pulse."""
    minutes: Iterable[list[int]] = shown.sections.get("minutes", {}).values()
    return sum(clicks for clicks, _, _ in minutes)
