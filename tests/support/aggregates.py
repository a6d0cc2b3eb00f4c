"""A log without Kafka: records made by hand, folded by the real code into the test's Redis."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import redis

from dashboards.counting.aggregate import Part, fold_batch
from dashboards.counting.store import Writer, sum_hashes
from dashboards.keys import first_keys, split_partition

NOW = datetime(2024, 6, 18, 13, 0, tzinfo=UTC)


class LogRecord(NamedTuple):
    """A record as Kafka gives it, as far as the folds look at it."""

    offset: int
    value: bytes | None
    timestamp: int = 1_718_715_600_000  # when it was sent: NOW
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None


def click(
    user: str = "u1", product: str = "p1", at: str = "2024-06-18T12:54:56Z", **more: object
) -> dict[str, object]:
    """A click as a message."""
    return {"user_id": user, "product_id": product, "timestamp": at, **more}


def stock(
    product: str, change: int, event_id: str, at: str = "2024-06-18T12:54:56Z", **more: object
) -> dict[str, object]:
    """A stock event as a message."""
    return {
        "product_id": product,
        "quantity_change": change,
        "timestamp": at,
        "event_id": event_id,
        "reason": "supplier",
        **more,
    }


def paid(
    order_id: str, amount: str, *, at: str = "2024-06-18T12:54:56Z", **more: object
) -> dict[str, object]:
    """The step that makes an order count, as a message: two units of p1."""
    return {
        "order_id": order_id,
        "user_id": "u1",
        "timestamp": at,
        "type": "order_paid",
        "event_id": f"paid-{order_id}",
        "amount": amount,
        "currency": "GBP",
        "previous": "placed",
        "status": "paid",
        "lines": [{"product_id": "p1", "quantity": 2, "price": amount}],
        **more,
    }


@dataclass
class Log:
    """One partition's records, and a process that folds them."""

    tp: str
    records: list[LogRecord]
    start: int = 0  # where the log begins

    def part(self, writer: Writer) -> Part:
        """Where the fold goes on, by what Redis says."""
        stored = writer.begin(self.tp)
        topic, _ = split_partition(self.tp)
        if stored.offset is None:
            return Part(self.tp, topic, self.start, fresh=True)
        return Part(self.tp, topic, stored.offset, stored.seq)

    def fold(self, writer: Writer, sizes: Sequence[int] = (1_000_000,), now: datetime = NOW) -> None:
        """Fold what is not folded yet, in batches of these sizes, over and over."""
        part = self.part(writer)
        left = [record for record in self.records if record.offset >= part.next]
        turn = 0
        while left:
            size = sizes[turn % len(sizes)]
            batch, left = left[:size], left[size:]
            fold_one(writer, part, batch, now)
            turn += 1


def fold_one(writer: Writer, part: Part, records: Sequence[LogRecord], now: datetime = NOW) -> bool:
    """Fold one batch; whether it was applied."""
    until = records[-1].offset + 1
    batch, _ = fold_batch(part, records, until, now)
    applied = writer.apply(batch)
    if applied:
        part.follow(batch)
    return applied


def log_of(tp: str, events: Sequence[Mapping[str, object]], **headers: str) -> Log:
    """A partition that holds these messages from offset 0 on."""
    pairs = [(name, value.encode()) for name, value in headers.items()]
    values = [json.dumps(event).encode() for event in events]
    return Log(tp, [LogRecord(offset, value, headers=pairs) for offset, value in enumerate(values)])


def numbered(tp: str, events: Sequence[Mapping[str, object]], first: int = 1) -> Log:
    """A partition of messages of our own relay, which numbers them."""
    log = log_of(tp, events)
    log.records = [
        record._replace(headers=[("seq", str(first + place).encode())])
        for place, record in enumerate(log.records)
    ]
    return log


def writer_of(client: "redis.Redis") -> Writer:
    """A process that knows nothing yet."""
    return Writer(client, first_keys())


def everything(client: "redis.Redis") -> dict[str, object]:
    """All figures in Redis: hashes by field, sets by how many they hold; without delays and indexes."""
    prefix = first_keys().prefix
    found: dict[str, object] = {}
    for raw in sorted(client.scan_iter(match=f"{prefix}*", count=1000)):
        key = raw.decode()
        place = first_keys().parse(key)
        if place is None or place.fold in ("delay", "index"):
            continue
        is_hash = client.type(raw) == b"hash"
        found[key.removeprefix(prefix)] = sum_hashes(client, [[key]])[0] if is_hash else client.pfcount(key)
    return found
