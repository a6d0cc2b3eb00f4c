"""One hub a server process: every viewer sees the same frames. Redis `changes` -> here -> sockets.py.

It starts with the first page that is asked for and rests some seconds after the last viewer. One task
listens to Redis, one makes a frame when something changed (at the pace of pace.py), the others read orders
and stock, and last week, in a thread. A viewer waits for news and takes the one frame that brings it from
its number to now: a slow one skips frames, and holds up nobody.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from typing import TypeVar, TypeVarTuple
from weakref import WeakKeyDictionary

import msgpack
from asgiref.sync import async_to_sync
from django.db import DatabaseError, connections
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from dashboards.keys import changes_channel, generation_key, generation_keys
from dashboards.screen.filtered import Read
from dashboards.screen.filters import PLAIN, View
from dashboards.screen.frames import Screen
from dashboards.screen.lastweek import read_last_week, read_last_week_of
from dashboards.screen.live import products_of, read_board
from dashboards.screen.pace import Pace
from dashboards.screen.picture import Picture
from dashboards.screen.showings import Showings
from dashboards.screen.sights import Sights
from dashboards.screen.sliced import Slices
from dashboards.screen.window import Window
from shopsite.events.redis import async_redis, listening_client

QUIET_S = 1.0  # a frame at least so often: windows move on, and viewers hear that the hub lives
BOARD_S = 1.0
LAST_WEEK_S = 60.0
RELOAD_S = 300.0  # late events of more than an hour ago change today's sums, and are told to nobody
LINGER_S = 30.0  # a page that is loaded anew finds the hub as it left it
RETRY_S = 1.0
ANSWER_S = 10.0  # Redis takes longer for a whole screen only when something is wrong
NO_REDIS = (
    "Redis does not answer, so no new figures come in; orders and events are kept, and counted when it does."
)

log = logging.getLogger(__name__)
T = TypeVar("T")
Args = TypeVarTuple("Args")


class Hub:
    """The figures of this process, and who waits for them."""

    def __init__(self) -> None:
        self.screen = Screen()
        self.picture = Picture()
        self.viewers: Counter[str] = Counter()  # feed.who() of the person at each screen, "" where unknown
        self.frames = 0  # made since the process began
        self.showings = Showings()  # of those who chose a filter
        self._window: Window | None = None  # None: to be read whole
        self._slices: Slices | None = None  # of the same buckets
        self._sights: Sights | None = None
        self._news = asyncio.Event()
        self._dirty = asyncio.Event()
        self._lack = asyncio.Event()  # of stock that is to be shown: look at once
        self._work: asyncio.Task[None] | None = None
        self._alive: set[asyncio.Task[None]] = set()  # the work, and what was stopped and has not ended yet
        self._thread: ThreadPoolExecutor | None = None  # one: it keeps its database connection
        self._rest: asyncio.TimerHandle | None = None
        self._pace = Pace()

    # --- viewers ------------------------------------------------------------------------------
    async def watch(
        self, *, hub_id: str = "", seq: int = 0, person: str = "", view: View = PLAIN
    ) -> AsyncGenerator[str, None]:
        """Frames for one viewer, for ever: first what changed since its number, or a snapshot.

        Each is made when the viewer asks for it, so there is never a queue behind a slow one.
        Raises TooManyViews.
        """
        showing = None if view == PLAIN else self.showings.join(view, person)
        self._join(person)
        have = seq if hub_id == (showing or self).screen.id else 0
        try:
            while True:
                news, screen = self._news, (showing or self).screen
                if screen.seq > have or have > screen.seq:
                    text, have = screen.since(have), screen.seq
                    yield text
                else:
                    await news.wait()
        finally:
            if showing:
                self.showings.leave(showing, person)
            self._leave(person)

    def present(self) -> str:
        """What a viewer would get now, "" while nobody watches."""
        return self.screen.since(0) if self._work and self.screen.seq else ""

    def expect(self) -> None:
        """Somebody is about to watch: begin, and rest again where nobody comes."""
        if not self._work:
            self._start()
            self._rest = asyncio.get_running_loop().call_later(LINGER_S, self.stop)

    def _join(self, person: str) -> None:
        if self._rest:
            self._rest.cancel()
            self._rest = None
        self.viewers[person] += 1
        self.picture.watch(self.viewers)
        if not self._work:
            self._start()
        elif self._window:
            self._dirty.set()  # a filter that nobody had has no frame yet

    def _leave(self, person: str) -> None:
        self.viewers -= Counter({person: 1})
        self.picture.watch(self.viewers)
        if not self.viewers:
            self._rest = asyncio.get_running_loop().call_later(LINGER_S, self.stop)

    def _start(self) -> None:
        self.screen, self.picture = Screen(), Picture()  # what was shown before the rest is old
        self.picture.watch(self.viewers)
        # a context of its own: who came first may be a request, whose language and threads are not the hub's
        self._work = asyncio.create_task(self._keep_working(), context=Context())
        self._alive.add(self._work)
        self._work.add_done_callback(self._alive.discard)

    def stop(self) -> None:
        """End the work; the next viewer starts it again."""
        if self._work:
            self._work.cancel()
            self._work = None

    async def end(self) -> None:
        """Stop at once, and wait until nothing is held any more."""
        self.stop()
        if self._alive:
            await asyncio.wait(self._alive)
        if self._thread:
            await asyncio.to_thread(self._thread.shutdown)

    async def _keep_working(self) -> None:
        """Run the jobs until stopped. A fault in one of them is told, and all begin anew."""
        log.info("live hub %s starts", self.screen.id)
        # its own by name, too: who is stopped may end when the next has begun already
        thread = self._thread = ThreadPoolExecutor(1, "live")
        try:
            while not _is_stopped():
                try:
                    await self._work_together()
                except* Exception:
                    log.exception("live hub: a fault of our own, beginning anew")
                    if not _is_stopped():
                        self._tell("A fault on the server stopped the figures; its log says which.")
                        await asyncio.sleep(RETRY_S)
        finally:
            thread.submit(connections.close_all)
            thread.shutdown(wait=False)
            log.info("live hub %s rests", self.screen.id)

    async def _work_together(self) -> None:
        self._window = None
        self._dirty.clear()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._draw())
            group.create_task(self._every(BOARD_S, self._look, self._lack))
            group.create_task(self._every(LAST_WEEK_S, self._compare))
            group.create_task(self._every(BOARD_S, self._compare_filters))

    def _tell(self, words: str) -> None:
        """Say that figures stand still, and why."""
        self._window = None
        self.picture.lose(words)
        self.showings.lose(self.picture)
        self._publish()

    # --- what changed -------------------------------------------------------------------------
    async def _listen(self) -> None:
        """Hear which keys were touched. After any loss everything is read again, so nothing is missed."""
        while True:
            try:
                async with listening_client() as client, client.pubsub() as changes:
                    await changes.subscribe(changes_channel())
                    while True:
                        await self._hear(changes)
            except (RedisError, OSError) as error:
                log.warning("live hub: Redis is lost, trying again: %s", error)
                self._tell(NO_REDIS)
                await asyncio.sleep(RETRY_S)

    async def _hear(self, changes: PubSub) -> None:
        message = await changes.get_message(timeout=5.0)
        if message is None:
            return
        if message["type"] == "subscribe":
            self._window = None
        elif self._window:
            tp, _, _, names = msgpack.unpackb(message["data"])
            self._window.touch(tp, names)
            if self._slices and self._sights:
                self._slices.touch(tp, names)
                self._sights.touch(tp, names)
        self._dirty.set()

    # --- frames -------------------------------------------------------------------------------
    async def _draw(self) -> None:
        """Make frames for ever; without Redis say so, and read everything when it is back."""
        await self._dirty.wait()  # until changes are heard: what is read before could miss one
        while True:
            try:
                async with async_redis() as client:
                    while True:
                        started = time.monotonic()
                        self._dirty.clear()
                        async with asyncio.timeout(ANSWER_S):
                            await self._frame(client)
                        now = time.monotonic()
                        viewers = self.viewers.total()
                        await asyncio.sleep(self._pace.wait(now, took=now - started, viewers=viewers))
                        await _within(QUIET_S, self._dirty)
            except (RedisError, OSError) as error:
                log.warning("live hub: no frame, trying again: %s", error)
                self._tell(NO_REDIS)
                await asyncio.sleep(RETRY_S)

    async def _frame(self, client: Redis) -> None:
        now = time.time()
        window, is_new = self._window, False
        if window is None or now - window.loaded_at > RELOAD_S:
            window, is_new = await self._load(client, now), True
        else:
            await window.read_fast(now)
        self.picture.draw_numbers(window, now)
        lists = self.picture.lists_are_due(now)
        if lists:
            if not is_new:
                self._publish()  # reading and sorting them takes some 50 ms, and numbers do not wait for it
            if await client.get(generation_key()) != window.generation:
                window = await self._load(client, now)
                self.picture.draw_numbers(window, now)
            await window.read_slow(now)
            self.picture.draw_lists(window, now)
            if self.picture.lacks_stock:
                self._lack.set()
        if self.showings and self._slices and self._sights:
            await self._slices.read(self.showings.needs(), now)
            if lists or self._sights.lack(self.showings.views()):
                await self._sights.read(self.showings.views(), now)
            read = Read(window, self._slices, self._sights)
            self.showings.draw(self.picture, read, now, lists=lists)
        self._publish()

    async def _load(self, client: Redis, now: float) -> Window:
        generation = await client.get(generation_key())
        window = Window(client, generation_keys(int(generation or 0)), generation)
        self._slices, self._sights = Slices(window), Sights(window)
        self._window = window  # from here on it is told what is touched
        await window.load(now)
        return window

    def _publish(self) -> None:
        at = int(time.time() * 1000)
        self.screen.update(self.picture.sections(), at=at)
        self.frames += 1
        self.showings.publish(at)
        self._news.set()
        self._news = asyncio.Event()

    # --- what is read in threads --------------------------------------------------------------
    async def _every(
        self, seconds: float, job: Callable[[], Awaitable[None]], sooner: asyncio.Event | None = None
    ) -> None:
        while True:
            try:
                await job()
            except (DatabaseError, RedisError, OSError) as error:
                log.warning("live hub: %s failed, trying again: %s", job.__name__, error)
                await asyncio.sleep(seconds)
                continue
            await _within(seconds, sooner or asyncio.Event())

    async def _look(self) -> None:
        self._lack.clear()
        for category in self.showings.shelves_due(time.time()):
            products = await self._in_thread(products_of, category)
            self.showings.put_shelf(category, products, time.time())
        stock = list(dict.fromkeys([*self.picture.stock_wanted, *self.showings.stock_wanted()]))
        names = self.picture.names_wanted(self.showings.names_wanted())
        reading = await self._in_thread(read_board, stock, names)
        if self.picture.take_board(reading):
            self._dirty.set()

    async def _compare_filters(self) -> None:
        for showing in self.showings.weeks_due(now := time.time()):
            showing.picture.last_week = await self._in_thread(read_last_week_of, showing.view, now)
            showing.week_at = now

    async def _compare(self) -> None:
        self.picture.last_week = await self._in_thread(read_last_week, time.time())

    def _in_thread(self, work: Callable[[*Args], T], *args: *Args) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


async def _within(seconds: float, event: asyncio.Event) -> None:
    """Wait for it, at most so long."""
    # not wait_for, which Python 3.11 lets swallow a cancellation
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _is_stopped() -> bool:
    """Was this task cancelled? A group of tasks forgets it where one of them fails on its way out."""
    task = asyncio.current_task()
    return bool(task and task.cancelling())


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def the_hub() -> Hub:
    """The hub of the running loop: a server process has one loop, a test run has many."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def present_frame() -> str:
    """A snapshot for a page that is made in a thread of this process, "" where nobody has watched just now.

    The hub then begins: it has figures when the page's socket opens, and holds up no answer.
    """

    async def read() -> str:
        hub = the_hub()
        hub.expect()
        return hub.present()

    return async_to_sync(read)()
