"""How fast one server process brings a frame to many viewers, and what a viewer costs.

Ours: clicks sent to the demo's Kafka once a second; from the moment that they are counted in Redis to the
frame at each viewer. In the same run: group_send of channels_redis, and Centrifugo, with messages of 4 KB.
Viewers are real sockets in another process (viewers.py); compression is off everywhere.
"""

import asyncio
import json
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from support import ROOT, Demo, Figure, arguments, demo, finish, free_port

PEERS = ROOT / "benchmarks" / "peers"
CENTRIFUGO = PEERS / "centrifugo" / "centrifugo"
CLICKS = 100  # a publication: one visitor looks at so many products
SIZE = 4_000  # bytes of a peer's message; ours are told beside it
STALLED = 50


@dataclass(frozen=True)
class Load:
    """One run."""

    viewers: int
    stalled: int
    publications: int  # one a second


@dataclass(frozen=True)
class Outcome:
    """What one run came to."""

    p50_ms: float
    p99_ms: float
    missed: int
    gaps: int
    closed: int
    messages: int
    bytes_median: int
    cpu_us: float  # of the server, a message
    grown_mb: float  # its memory, from before the publications until after


class Viewers:
    """The process of viewers.py."""

    def __init__(
        self, url: str, load: Load, *, headers: dict[str, str], hello: list[str], numbered: bool
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "benchmarks/viewers.py"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._tell(
            {
                "url": url, "headers": headers, "hello": hello, "viewers": load.viewers,
                "stalled": load.stalled, "numbered": numbered,
            }
        )  # fmt: skip
        if self._hear() != b"ready\n":
            sys.exit("The viewers did not connect: their error stands above.")

    def finish(self, sent: list[float]) -> dict[str, Any]:
        """What they saw of these publications."""
        self._tell(sent)
        found: dict[str, Any] = json.loads(self._hear())
        self._process.wait(30)
        return found

    def _tell(self, what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> bytes:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def measure(server: psutil.Process, viewers: Viewers, publish: Callable[[], float], load: Load) -> Outcome:
    """Publish once a second. publish: does it, and returns the second at which it was out."""
    time.sleep(2)  # connecting is over
    memory, cpu = server.memory_info().rss, sum(server.cpu_times()[:2])
    sent, begun = [], time.monotonic()
    for number in range(load.publications):
        time.sleep(max(0.0, begun + number - time.monotonic()))
        sent.append(publish())
    time.sleep(1.5)
    used, grown = sum(server.cpu_times()[:2]) - cpu, server.memory_info().rss - memory
    found = viewers.finish(sent)
    delays = sorted(found["delays_ms"]) or [float("nan")]
    return Outcome(
        p50_ms=statistics.median(delays),
        p99_ms=delays[int(len(delays) * 0.99)],
        missed=found["missed"],
        gaps=found["gaps"],
        closed=found["closed"],
        messages=found["messages"],
        bytes_median=found["sizes"],
        cpu_us=used / max(found["messages"], 1) * 1e6,
        grown_mb=grown / 2**20,
    )


# --- ours -----------------------------------------------------------------------------------------
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


# --- peers ----------------------------------------------------------------------------------------
class GroupSend:
    """channels_redis: every viewer is a member of a group."""

    name = "group_send"

    def __init__(self, stack: ExitStack) -> None:
        from django.conf import settings

        port = free_port()
        env = os.environ | {"GROUP_SEND_REDIS": settings.REDIS_URL}
        os.environ["GROUP_SEND_REDIS"] = settings.REDIS_URL
        command = [
            sys.executable, "-m", "uvicorn", "group_send:application", "--app-dir", str(PEERS),
            "--port", str(port), "--ws-per-message-deflate", "false", "--log-level", "warning",
            "--lifespan", "off",
        ]  # fmt: skip
        env.pop("DJANGO_SETTINGS_MODULE", None)
        self.server = stack.enter_context(_running(command, port, env))
        self._url = f"ws://127.0.0.1:{port}/"
        sys.path.insert(0, str(PEERS))
        from group_send import GROUP, layer  # type: ignore[import-not-found]  # a script beside this one

        self._group, self._layer = GROUP, layer
        self._loop = asyncio.new_event_loop()
        stack.callback(self._loop.close)

    def viewers(self, load: Load) -> Viewers:
        """Members of the group."""
        return Viewers(self._url, load, headers={}, hello=[], numbered=False)

    def publish(self) -> float:
        """One message to the group; when it was handed over."""
        at = _stamp()
        self._loop.run_until_complete(self._send(_message(at)))
        return at

    async def _send(self, text: str) -> None:
        layer = self._layer()
        await layer.group_send(self._group, {"type": "frame", "text": text})
        await layer.close_pools()


class Centrifugo:
    """A server written for this, in Go, with its memory engine."""

    name = "Centrifugo"

    def __init__(self, stack: ExitStack) -> None:
        import httpx

        port, key = free_port(), secrets.token_hex(16)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shopsite-centrifugo-")))
        settings = {
            "http_server": {"address": "127.0.0.1", "port": str(port)},
            "http_api": {"key": key},
            "client": {"insecure": True, "allowed_origins": ["*"]},
            "log": {"level": "error"},
        }
        (folder / "config.json").write_text(json.dumps(settings))
        command = [str(CENTRIFUGO), "--config", str(folder / "config.json")]
        self.server = stack.enter_context(_running(command, port, dict(os.environ)))
        self._url = f"ws://127.0.0.1:{port}/connection/websocket"
        self._api = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers={"X-API-Key": key})
        )

    def viewers(self, load: Load) -> Viewers:
        """Anonymous subscribers of one channel."""
        hello = ['{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"live"}}']
        return Viewers(self._url, load, headers={}, hello=hello, numbered=False)

    def publish(self) -> float:
        """One message to the channel; when it was handed over."""
        at = _stamp()
        answer = self._api.post("/publish", json={"channel": "live", "data": json.loads(_message(at))})
        answer.raise_for_status()
        if "error" in answer.json():
            sys.exit(f"Centrifugo refused: {answer.text}")
        return at


def _stamp() -> float:
    """Now, as exact as a message tells it."""
    return round(time.time(), 6)


def _message(at: float) -> str:
    head = f'{{"at":{at:.6f},"pad":"'
    return f'{head}{"x" * (SIZE - len(head) - 2)}"}}'


@contextmanager
def _running(command: list[str], port: int, env: dict[str, str]) -> Iterator[psutil.Process]:
    """A server process that answers on its port, until the block ends."""
    import socket

    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit(f"{command[0]} did not start: its error stands above.")
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


# --- the run --------------------------------------------------------------------------------------
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
