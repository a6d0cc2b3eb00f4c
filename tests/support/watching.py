"""Viewers of a hub without sockets: they apply what comes. tests/flows -> here -> the hub."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager

from dashboards.screen.filters import View
from dashboards.screen.hub import Hub
from tests.support.live import Shown


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
