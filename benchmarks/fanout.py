"""How fast one server process brings a frame to many viewers, and what a viewer costs.

Ours: clicks sent to the demo's Kafka once a second; from the moment that they are counted in Redis to the
frame at each viewer. In the same run: group_send of channels_redis, and Centrifugo, with messages of 4 KB.
Viewers are real sockets in another process (viewers.py); compression is off everywhere.
"""

import os
import secrets
import shutil
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import psutil
from fanout_rivals import CENTRIFUGO, SIZE, Centrifugo, GroupSend
from fanout_run import Load, Outcome, Viewers, measure
from support import Demo, Figure, arguments, demo, finish

CLICKS = 100  # a publication: one visitor looks at so many products
STALLED = 50


class Ours:
    """The demo's web process."""

    name = "hub"

    def __init__(self, running: Demo) -> None:
        import msgpack

        from dashboards.keys import changes_channel
        from shopsite.events.kafka import make_producer
        from shopsite.events.redis import redis_client

        self._url = running.origin.replace("http", "ws") + "/ws/dashboard/"
        self._cookie = _staff_cookie()
        self._origin = running.origin
        self._unpack = msgpack.unpackb
        self._changes = redis_client().pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        self._changes.subscribe(changes_channel())
        self._producer = make_producer()
        self.server = _child(running.process.pid, "web")
        self.publish()  # the first one waits for the topic's leader

    def viewers(self, load: Load) -> Viewers:
        """Staff who watch the dashboard."""
        headers = {"Cookie": self._cookie, "Origin": self._origin}
        return Viewers(self._url, load, headers=headers, hello=[], numbered=True)

    def publish(self) -> float:
        """Clicks of one visitor, who has one partition: when the aggregator counted the last of them."""
        from shopsite.events.schemas import Click, encode
        from shopsite.events.topics import topic_name

        user = f"bench-{secrets.token_hex(4)}"
        futures = [
            self._producer.send(
                topic_name("clicks"),
                value=encode(Click(user_id=user, product_id=f"SF-{sku:04}", timestamp=datetime.now(UTC))),
                key=user.encode(),
            )
            for sku in range(1, CLICKS + 1)
        ]
        place = futures[-1].get(timeout=30)
        return self._counted_at(f"clicks-{place.partition}", place.offset)

    def _counted_at(self, partition: str, offset: int) -> float:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if message := self._changes.get_message(timeout=1.0):
                name, next_offset, at_ms, _ = self._unpack(message["data"])
                if name == partition and next_offset > offset:
                    return float(at_ms) / 1000
        sys.exit(f"Offset {offset} of {partition} was not counted within 30 s.")

    def close(self) -> None:
        """Let go of Kafka and Redis."""
        from shopsite.events.kafka import close_quietly

        self._changes.close()
        close_quietly(self._producer)


def _staff_cookie() -> str:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.create_superuser(f"bench-{secrets.token_hex(4)}"))
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


def _child(parent: int, name: str) -> psutil.Process:
    for process in psutil.Process(parent).children(recursive=True):
        if name in process.cmdline():
            return process
    sys.exit(f"The demo runs no process {name}.")


Server = Ours | GroupSend | Centrifugo


def runs(server: Server, load: Load, times: int) -> Outcome:
    """The run with the median p99 of so many; what was lost is of all."""
    outcomes = []
    for _ in range(times):
        outcomes.append(measure(server.server, server.viewers(load), server.publish, load))
        print(f"{server.name}, {load.viewers} viewers, {load.stalled} stalled: {outcomes[-1]}")
    outcomes.sort(key=lambda outcome: outcome.p99_ms)
    return outcomes[len(outcomes) // 2]


def figures(
    ours: dict[Load, Outcome], peers: dict[tuple[str, Load], Outcome], loads: list[Load]
) -> list[Figure]:
    """Every figure that has a target, each beside the peer that it is compared with."""
    small, large, stalled = loads
    mine, found = ours[large], []
    go, group = peers.get(("Centrifugo", large)), peers.get(("group_send", large))
    for load in loads[:2]:
        outcome, many = ours[load], f"{load.viewers:,} viewers"
        found.append(Figure(f"{many}: from Redis to the viewer, p50", round(outcome.p50_ms, 1), "ms"))
        met = outcome.p99_ms < 100
        peer = peers.get(("Centrifugo", load))
        limit = "< 100, <= half of Centrifugo's"
        if peer:
            met = met and outcome.p99_ms <= peer.p99_ms / 2
        found.append(_figure(f"{many}: p99", outcome.p99_ms, "ms", limit, met, peer.p99_ms if peer else None))
    found += [
        Figure("publications that a viewer missed", mine.missed, "count", "= 0", mine.missed == 0),
        Figure("frames that did not join", mine.gaps, "count", "= 0", mine.gaps == 0),
        _figure("server CPU a message", mine.cpu_us, "us", "<= 38", mine.cpu_us <= 38, None),
        Figure("bytes of a frame, median", mine.bytes_median, "bytes"),
    ]
    if group:
        met = mine.cpu_us <= group.cpu_us / 10
        found.append(_figure("CPU beside group_send's", mine.cpu_us, "us", "<= a tenth", met, group.cpu_us))
    if go:
        met = mine.cpu_us <= go.cpu_us
        found.append(_figure("CPU beside Centrifugo's", mine.cpu_us, "us", "<= its", met, go.cpu_us))
    slow = ours[stalled]
    found += [
        _figure(
            f"p99 beside {STALLED} viewers that read nothing", slow.p99_ms, "ms", "unchanged",
            slow.p99_ms <= max(1.5 * mine.p99_ms, mine.p99_ms + 20), mine.p99_ms,
        ),
        Figure("memory meanwhile", round(slow.grown_mb, 1), "MB", "<= 32", slow.grown_mb <= 32),
    ]  # fmt: skip
    per_viewer = ours[small].cpu_us / mine.cpu_us
    found.append(
        Figure(f"CPU a message, {small.viewers} viewers to {large.viewers}", round(per_viewer, 2), "ratio")
    )
    return found


def _figure(name: str, value: float, unit: str, target: str, met: bool | None, peer: float | None) -> Figure:
    beside = round(peer, 1) if peer else None
    ratio = round(value / peer, 3) if peer else None
    return Figure(name, round(value, 1), unit, target, met, beside, ratio)


def main() -> None:
    """Measure ours, then each peer, one at a time."""
    quick = arguments(__doc__ or "").quick
    seconds, times = (10, 1) if quick else (20, 3)
    loads = [Load(200, 0, seconds), Load(2_000, 0, seconds), Load(2_000, STALLED, seconds)]
    ours, peers = {}, {}
    with demo() as running:
        hub = Ours(running)
        for load in loads:
            ours[load] = runs(hub, load, times)
        hub.close()
        with ExitStack() as stack:
            compared: list[GroupSend | Centrifugo] = [GroupSend(stack)]
            if CENTRIFUGO.exists() or shutil.which(str(CENTRIFUGO)):
                compared.append(Centrifugo(stack))
            else:
                print("Centrifugo is not measured: benchmarks/peers/README.md says how to get it.")
            for peer in compared:
                for load in loads[:2]:
                    peers[peer.name, load] = runs(peer, load, times)
    settings = {
        "publications": seconds,
        "runs": times,
        "peer_bytes": SIZE,
        "clicks": CLICKS,
        "stalled": STALLED,
    }
    finish("fanout", settings | {"cores": os.cpu_count()}, figures(ours, peers, loads))


if __name__ == "__main__":
    main()
