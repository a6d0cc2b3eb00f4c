"""One watch a server process over all open order pages. Redis `order-news` -> here -> sockets.py.

It listens to Redis once, however many pages are open, and rests when the last one closes. A page learns
only that its order changed, never what: the page it then fetches says that.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import msgpack
from redis.exceptions import RedisError

from orders.news import channel
from shopsite.events.redis import listening_client

RETRY_S = 1.0
LINGER_S = 30.0  # a page that is loaded anew finds the watch as it left it
log = logging.getLogger(__name__)


class Watcher:
    """What one page waits for."""

    def __init__(self) -> None:
        self._stirred = asyncio.Event()
        self.is_live = True  # false while Redis is lost: the page looks by itself

    def stir(self, *, is_live: bool) -> None:
        """Something changed, or may have."""
        self.is_live = is_live
        self._stirred.set()

    async def news(self) -> bool:
        """Wait for a change; several that come together are one. Returns whether more would be heard."""
        await self._stirred.wait()
        self._stirred.clear()
        return self.is_live


class OrderWatch:
    """Who waits for which order."""

    def __init__(self) -> None:
        self._watchers: defaultdict[str, set[Watcher]] = defaultdict(set)
        self._work: asyncio.Task[None] | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._is_live = True

    @contextmanager
    def watching(self, order_id: str) -> Iterator[Watcher]:
        """A watcher of this order, until the block ends."""
        if self._rest:
            self._rest.cancel()
        if not self._work:
            self._work = asyncio.create_task(self._listen())
        watcher = Watcher()
        self._watchers[order_id].add(watcher)
        if not self._is_live:
            watcher.stir(is_live=False)
        try:
            yield watcher
        finally:
            self._watchers[order_id].discard(watcher)
            if not self._watchers[order_id]:
                del self._watchers[order_id]
            if not self._watchers:
                self._rest = asyncio.get_running_loop().call_later(LINGER_S, self.stop)

    def stop(self) -> None:
        """End the work; the next page starts it again."""
        if self._work:
            self._work.cancel()
            self._work = None

    async def _listen(self) -> None:
        """Pass news on for ever. After any loss every page looks again, so nothing is missed."""
        while True:
            try:
                async with listening_client() as client, client.pubsub() as news:
                    await news.subscribe(channel())
                    while True:
                        message = await news.get_message(timeout=5.0)
                        if message is None:
                            continue
                        if message["type"] == "subscribe":
                            self._stir(list(self._watchers), is_live=True)
                        else:
                            self._stir(msgpack.unpackb(message["data"]), is_live=True)
            except (RedisError, OSError) as error:
                log.warning("order pages: Redis is lost, trying again: %s", error)
                self._stir(list(self._watchers), is_live=False)
                await asyncio.sleep(RETRY_S)

    def _stir(self, order_ids: Iterable[str], *, is_live: bool) -> None:
        self._is_live = is_live
        for order_id in order_ids:
            for watcher in self._watchers.get(order_id, ()):
                watcher.stir(is_live=is_live)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, OrderWatch] = WeakKeyDictionary()


def the_watch() -> OrderWatch:
    """The watch of the running loop: a server process has one loop, a test run has many."""
    loop = asyncio.get_running_loop()
    if loop not in _watches:
        _watches[loop] = OrderWatch()
    return _watches[loop]
