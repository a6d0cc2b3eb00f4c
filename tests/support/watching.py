"""A hub, and viewers of it without sockets: they apply what comes. tests/flows -> here -> the hub."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import pytest_asyncio
import redis as redis_package
from asgiref.sync import sync_to_async
from django.db import connections

from dashboards.board import register_board
from dashboards.screen.filters import View
from dashboards.screen.hub import Hub
from shopsite import boards
from tests.support.live import Shown, the_aggregate_process_lives


@pytest_asyncio.fixture
async def hub(redis: "redis_package.Redis") -> AsyncIterator[Hub]:
    """The hub of a server process beside an aggregate that lives; nobody watches it yet."""
    register_board(boards)
    the_aggregate_process_lives(redis)
    hub = Hub()
    yield hub
    await hub.end()
    await sync_to_async(connections.close_all)()


@asynccontextmanager
async def watching(hub: Hub, **where: str | int | View) -> AsyncGenerator["Viewer", None]:
    async with aclosing(hub.watch(**where)) as frames:  # type: ignore[arg-type]
        yield Viewer(frames)


class Viewer:
    """Somebody who applies what comes."""

    def __init__(self, frames: AsyncGenerator[str, None]) -> None:
        self._frames = frames
        self.shown = Shown()
        self.last = ""

    async def take(self) -> None:
        """The next frame."""
        self.last = await asyncio.wait_for(anext(self._frames), 10)
        self.shown.apply(self.last)

    async def until(self, wanted: Callable[[Shown], bool]) -> None:
        """Frames, until the page shows what is wanted."""
        async with asyncio.timeout(10):
            while not wanted(self.shown):
                await self.take()
