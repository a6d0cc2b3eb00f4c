"""Many websocket viewers in one process, as light as can be. benchmarks/fanout.py starts it.

Reads one JSON line, the orders; connects all; prints `ready`; on a second line, which holds the moments of
publication, prints what became of them as one JSON line. A viewer only notes when a message came: reading
waits until the end, so that the work of the viewers does not become the server's delay.
"""

import asyncio
import base64
import json
import os
import re
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import uvloop

CONNECTS_AT_ONCE = 32
STALLED_BUFFER = 4096  # bytes that the kernel takes for a viewer who never reads
TEXT, PING, PONG = 1, 9, 10
AT = re.compile(rb'"at":([0-9.]+)')
JOINED = re.compile(rb'"seq":(\d+),"at":\d+,"from":(\d+),"set":(..)')


@dataclass
class Orders:
    """What the viewers are to do."""

    url: str
    headers: dict[str, str]
    hello: list[str]  # sent after the handshake
    viewers: int
    stalled: int  # more of them, who never read
    numbered: bool  # frames of our hub, which follow from each other


class Viewer(asyncio.Protocol):
    """One websocket: a handshake, then messages with the moment that each was whole."""

    def __init__(self, orders: Orders, *, stalled: bool) -> None:
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.messages: list[tuple[float, bytes]] = []
        self.closed = False
        self._orders, self._stalled = orders, stalled
        self._shaken = False
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the websocket."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are of no common class
        address = urlsplit(self._orders.url)
        path = address.path + (f"?{address.query}" if address.query else "")
        key = base64.b64encode(os.urandom(16)).decode()
        headers = {
            "Host": address.netloc,
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": key,
            "Sec-WebSocket-Version": "13",
            **self._orders.headers,
        }
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        self.transport.write("\r\n".join(lines).encode())

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages."""
        now = time.time()
        buffer = self._buffer + data if self._buffer else data
        if not self._shaken:
            head, mark, buffer = buffer.partition(b"\r\n\r\n")
            if not mark:
                self._buffer = head
                return
            self._shake(head)
        place = 0
        while (frame := _frame(buffer, place)) is not None:
            opcode, body, place = frame
            if opcode == TEXT:
                self._take(now, body)
            elif opcode == PING:  # unanswered for twenty seconds, the server would hang up
                self.transport.write(_masked(body, PONG))
        self._buffer = buffer[place:]

    def _shake(self, head: bytes) -> None:
        self._shaken = True
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.open.set_exception(ConnectionError(head.decode(errors="replace")[:200]))
            return
        for text in self._orders.hello:
            self.transport.write(_masked(text.encode()))
        self.open.set_result(None)
        if self._stalled:
            self.transport.pause_reading()

    def _take(self, now: float, body: bytes) -> None:
        if body == b"{}":  # Centrifugo asks whether we live
            self.transport.write(_masked(b"{}"))
        else:
            self.messages.append((now, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up."""
        self.closed = True
        if not self.open.done():
            self.open.set_exception(exc or ConnectionError("closed before the handshake"))


def _frame(buffer: bytes, place: int) -> tuple[int, bytes, int] | None:
    """(opcode, payload, where the next one begins) of the frame at a place; None while it is not whole."""
    if len(buffer) < place + 2:
        return None
    opcode, size, start = buffer[place] & 15, buffer[place + 1] & 127, place + 2
    if size == 126:
        if len(buffer) < start + 2:
            return None
        (size,), start = struct.unpack_from("!H", buffer, start), start + 2
    elif size == 127:
        if len(buffer) < start + 8:
            return None
        (size,), start = struct.unpack_from("!Q", buffer, start), start + 8
    if len(buffer) < start + size:
        return None
    return opcode, buffer[start : start + size], start + size


def _masked(body: bytes, opcode: int = TEXT) -> bytes:
    """A frame as clients send it; with a mask of zeros the payload stays as it is. Under 126 bytes."""
    return bytes([0x80 | opcode, 0x80 | len(body)]) + b"\0\0\0\0" + body


@dataclass
class Found:
    """What the viewers saw."""

    delays_ms: list[float] = field(default_factory=list)
    missed: int = 0  # publications that a viewer did not see
    gaps: int = 0  # frames that did not follow from the one before
    messages: int = 0
    sizes: list[int] = field(default_factory=list)
    closed: int = 0


async def connect(orders: Orders) -> tuple[list[Viewer], list[Viewer]]:
    """All viewers, and those who never read."""
    gate = asyncio.Semaphore(CONNECTS_AT_ONCE)

    async def one(*, stalled: bool) -> Viewer:
        async with gate:
            address = urlsplit(orders.url)
            sock = socket.socket()
            if stalled:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STALLED_BUFFER)
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(sock, (address.hostname, address.port))
            _, viewer = await loop.create_connection(lambda: Viewer(orders, stalled=stalled), sock=sock)
            await asyncio.wait_for(viewer.open, 30)
            return viewer

    readers = await asyncio.gather(*(one(stalled=False) for _ in range(orders.viewers)))
    stalled = await asyncio.gather(*(one(stalled=True) for _ in range(orders.stalled)))
    return list(readers), list(stalled)


def judge(viewers: list[Viewer], sent: list[float], orders: Orders) -> Found:
    """Delays from each publication to each viewer. sent: seconds since the epoch, oldest first."""
    found = Found()
    for viewer in viewers:
        found.closed += viewer.closed
        news = _news(viewer, found) if orders.numbered else _stamped(viewer)
        found.messages += sum(came >= sent[0] for came, _ in viewer.messages)
        found.sizes += [size for came, _, size in news if came >= sent[0]]
        _match(news, sent, found)
    return found


def _match(news: list[tuple[float, float, int]], sent: list[float], found: Found) -> None:
    """For each publication the first message that was made after it, and before the next one."""
    place = 0
    for number, at in enumerate(sent):
        end = sent[number + 1] if number + 1 < len(sent) else float("inf")
        while place < len(news) and news[place][1] < at:
            place += 1
        if place < len(news) and news[place][1] < end:
            found.delays_ms.append((news[place][0] - at) * 1000)
        else:
            found.missed += 1


def _news(viewer: Viewer, found: Found) -> list[tuple[float, float, int]]:
    """(when it came, when it was made, bytes) of each of the hub's frames that changed something."""
    news, have = [], 0
    for came, body in viewer.messages:
        joined = JOINED.search(body)
        if joined is None:
            continue  # the figures, which come once
        seq, start = int(joined[1]), int(joined[2])
        found.gaps += start not in (0, have)
        have = seq
        at = AT.search(body)
        assert at is not None
        if joined[3] != b"{}":
            news.append((came, (float(at[1]) + 1) / 1000, len(body)))  # whole ms, cut off: made at the latest
    return news


def _stamped(viewer: Viewer) -> list[tuple[float, float, int]]:
    """The same of messages that bear the second of their publication."""
    stamps = ((came, AT.search(body), len(body)) for came, body in viewer.messages)
    return [(came, float(at[1]), size) for came, at, size in stamps if at]


async def _line() -> Any:  # noqa: ANN401  JSON
    return json.loads(await asyncio.to_thread(sys.stdin.readline))


async def main() -> None:
    """See the file's first lines."""
    orders = Orders(**await _line())
    viewers, stalled = await connect(orders)
    print("ready", flush=True)
    sent: list[float] = await _line()
    found = judge(viewers, sent, orders)
    found.sizes.sort()
    middle = found.sizes[len(found.sizes) // 2] if found.sizes else 0
    print(json.dumps({**vars(found), "sizes": middle}), flush=True)
    for viewer in (*viewers, *stalled):
        viewer.transport.abort()


if __name__ == "__main__":
    uvloop.run(main())
