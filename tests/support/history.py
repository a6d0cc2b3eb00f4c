"""Time that passes without waiting, and Redis as it was: for tests of the history."""

from dataclasses import dataclass, field
from typing import cast

import pytest
import redis
from django.db.models import F

from dashboards.keys import first_keys
from dashboards.models import Rollup
from dashboards.past import joined
from dashboards.past.history import Written, write_history
from dashboards.past.rollups import Values, in_turn, unpack
from dashboards.past.totals import make_totals

HOUR = 3600


def pass_time(client: "redis.Redis", hours: float) -> None:
    """Everything that is kept is that much older: ends come nearer, or are past."""
    seconds = int(hours * HOUR)
    prefix = first_keys().prefix
    for key in list(client.scan_iter(match=f"{prefix}{{*", count=1000)):
        if key.endswith(b":index"):
            for at, stamp in cast("dict[bytes, bytes]", client.hgetall(key)).items():
                since, offset, changed = map(int, stamp.split(b":"))
                client.hset(key, at, f"{since - seconds}:{offset}:{changed - seconds * 1000}")
        elif key.endswith(b":days"):
            for day in cast("list[bytes]", client.zrange(key, 0, -1)):
                client.zincrby(key, -seconds, day)
        elif key.endswith(b":written"):
            client.set(key, int(client.get(key) or 0) - seconds, keepttl=True)
        if (left := client.ttl(key)) > 0:
            client.expire(key, left - seconds) if left > seconds else client.delete(key)
    with in_turn():
        Rollup.objects.update(at=F("at") - seconds, since=F("since") - seconds)


def settle(client: "redis.Redis") -> Written:
    """Some minutes without an event, then the task runs."""
    pass_time(client, 0.2)
    return write_history(client)


def move(client: "redis.Redis") -> Written:
    """A day and a half without an event, then the task runs."""
    pass_time(client, 37)
    done = write_history(client)
    make_totals(client)
    return done


def bucket_count(client: "redis.Redis") -> int:
    """How many buckets Redis has."""
    keys = client.scan_iter(match=f"{first_keys().prefix}{{*", count=1000)
    return sum(first_keys().parse(key) is not None for key in keys)


@dataclass
class Copy:
    """Redis as it was at a moment."""

    keys: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)

    @classmethod
    def of(cls, client: "redis.Redis") -> "Copy":
        """Take a copy."""
        names = list(client.scan_iter(match=f"{first_keys().prefix}*", count=1000))
        return cls({name: (client.dump(name) or b"", max(client.pttl(name), 0)) for name in names})

    def restore(self, client: "redis.Redis") -> None:
        """What came since is lost."""
        flush(client)
        for name, (text, ends) in self.keys.items():
            client.restore(name, ends, text)


def flush(client: "redis.Redis") -> None:
    """Redis has lost everything."""
    if names := list(client.scan_iter(match=f"{first_keys().prefix}*", count=1000)):
        client.delete(*names)


def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The data of each row of the history that is read from now on, as it is read."""
    read: list[bytes] = []

    def unpack_and_note(data: bytes) -> Values:
        read.append(data)
        return unpack(data)

    monkeypatch.setattr(joined, "unpack", unpack_and_note)
    return read
