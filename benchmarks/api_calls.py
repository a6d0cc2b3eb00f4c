"""Ask an API over and over, from a process of its own; prints one line of JSON. api.py -> here.

api_calls.py ORIGIN PATH KEY SECONDS CONNECTIONS [RATE]: with a rate, so many requests a second in all;
without, each connection asks again at once.
"""

import asyncio
import json
import math
import sys
import time
from collections import Counter
from urllib.parse import urlsplit


class Calls:
    """What was asked, and what came of it."""

    def __init__(self, origin: str, path: str, key: str) -> None:
        self._at = urlsplit(origin)
        self._request = (
            f"GET {path} HTTP/1.1\r\nHost: {self._at.netloc}\r\nAuthorization: Bearer {key}\r\n\r\n"
        ).encode()
        self.statuses: Counter[int] = Counter()
        self.milliseconds: list[float] = []  # of those that were answered by 200
        self.told_when = 0  # refusals that say when to come again

    async def run(self, seconds: float, connections: int, rate: float) -> None:
        """Ask for so long."""
        begun = time.perf_counter()
        await asyncio.gather(
            *(self._ask(begun, seconds, number, connections, rate) for number in range(connections))
        )

    async def _ask(self, begun: float, seconds: float, first: int, step: int, rate: float) -> None:
        reader, writer = await asyncio.open_connection(self._at.hostname, self._at.port)
        number = first
        while (now := time.perf_counter()) < begun + seconds:
            if rate:
                due = begun + number / rate
                if due > begun + seconds:
                    break
                await asyncio.sleep(max(0.0, due - now))
                now, number = due, number + step  # what waits for a connection waits for the server
            writer.write(self._request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            )
            await reader.readexactly(length)
            status = int(head[9:12])
            self.statuses[status] += 1
            self.told_when += status == 429 and b"retry-after:" in head.lower()
            if status == 200:
                self.milliseconds.append((time.perf_counter() - now) * 1000)
        writer.close()


def main() -> None:
    """Ask, and tell."""
    origin, path, key, seconds, connections, *rate = sys.argv[1:]
    calls = Calls(origin, path, key)
    begun = time.perf_counter()
    asyncio.run(calls.run(float(seconds), int(connections), float(rate[0]) if rate else 0.0))
    took, times = time.perf_counter() - begun, sorted(calls.milliseconds)
    print(
        json.dumps(
            {
                "seconds": took,
                "statuses": calls.statuses,
                "told_when": calls.told_when,
                "p50": times[len(times) // 2] if times else None,
                "p99": times[max(0, math.ceil(len(times) * 0.99) - 1)] if times else None,
            }
        )
    )


if __name__ == "__main__":
    main()
