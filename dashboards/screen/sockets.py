"""The websockets of the live page: let staff and guests in. hub.py -> here -> socket.js.

Frames go straight to the socket, past Channels' layers, which cost fourteen times as much (decision 003).
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing, suppress
from typing import Any
from urllib.parse import parse_qs

import msgspec
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.utils import timezone

from dashboards.access import is_staff, may_watch
from dashboards.screen.feed import who
from dashboards.screen.figures import figures_text
from dashboards.screen.filters import PLAIN, BadView, read_view
from dashboards.screen.hub import the_hub
from dashboards.screen.playback import (
    MOST,
    Command,
    Play,
    Playback,
    Refused,
    checked_speed,
    read_command,
)
from dashboards.screen.showings import TooManyViews
from dashboards.shares.guests import for_guests
from dashboards.shares.links import find_link
from shopsite.callers import find_caller, refusal_to_come, session_key_of
from shopsite.together import Together

SESSION_CHECK_S = 50.0  # so that whoever may no longer watch is gone within a minute
# close codes: as HTTP's 401, 403, 410, and "later"
SIGNED_OUT, FORBIDDEN, ENDED, FULL = 4401, 4403, 4410, 1013
MOST_GUESTS = 200  # of one process: a link may have been passed on to anybody
REASONS = {
    SIGNED_OUT: "Your session has ended. Sign in as staff to go on.",
    FORBIDDEN: "Your account has no role that may see the live page. Ask whoever gives roles.",
    ENDED: "This link has ended. Ask whoever sent it for another.",
    FULL: "Too many watch by links just now.",
}


_playing: set["DashboardSocket"] = set()  # viewers of the past, in this process


class DashboardSocket(AsyncWebsocketConsumer):
    """One viewer."""

    _tasks: tuple[asyncio.Task[None], ...] = ()
    _frames: asyncio.Task[None] | None = None
    _playback: Playback | None = None
    _view = PLAIN

    async def connect(self) -> None:
        """Accept first: a browser is told the reason of a close only after that."""
        await self.accept()
        if code := await self._refusal():
            await self.close(code, REASONS[code])
            return
        query = parse_qs(self.scope["query_string"].decode(errors="replace"))
        asked = {name: values[0] for name, values in query.items()}
        self._spawn(self._draw_figures())
        self._spawn(self._check_session())
        await self._choose(asked)
        seq = asked.get("seq", "")
        self._follow(asked.get("hub", ""), int(seq) if seq.isdecimal() and len(seq) < 16 else 0)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002  Channels names them
        """A viewer asks for a snapshot, for the past, or for what is live again (playback.Command)."""
        if not self._tasks:
            return
        try:
            await self._obey(read_command(text_data or ""))
        except Refused as why:
            await self._complain(why)

    async def _complain(self, why: Exception, **more: object) -> None:
        with suppress(OSError):
            await self.send(msgspec.json.encode({"problem": str(why), **more}).decode())

    async def _choose(self, asked: Mapping[str, str]) -> None:
        """Look at what the filter lets through, from the next frame on; where it is none, at what was."""
        try:
            self._view = read_view(asked)
        except BadView as why:
            await self._complain(why, view=self._view.asked())

    async def _obey(self, command: Command) -> None:
        if command.play:
            self._play(command.play)
        elif command.view is not None:
            await self._choose(command.view)
            self._stop_playing()
            self._follow("", 0)
        elif command.ask or command.live:
            self._stop_playing()
            self._follow("", 0)
        elif self._playback:
            self._playback.command(command)
        else:
            raise Refused("nothing is played: begin with play")

    def _play(self, wanted: Play) -> None:
        if not self._playback and len(_playing) >= MOST:
            raise Refused(f"{MOST} playbacks run in this server already: wait until one ends")
        self._playback = Playback(wanted.start, checked_speed(wanted.speed))
        _playing.add(self)
        self._pass(self._playback.frames())

    def _stop_playing(self) -> None:
        self._playback = None
        _playing.discard(self)

    async def disconnect(self, code: int) -> None:  # noqa: ARG002
        """The viewer is gone."""
        self._stop_playing()
        for task in (*self._tasks, self._frames):
            if task:
                task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks = (*self._tasks, asyncio.create_task(work))

    def _follow(self, hub_id: str, seq: int) -> None:
        self._pass(self._source(hub_id, seq))

    def _source(self, hub_id: str, seq: int) -> AsyncGenerator[str, None]:
        person = who(self.scope.get("cookies", {}).get(settings.VISITOR_COOKIE, ""))
        return the_hub().watch(hub_id=hub_id, seq=seq, person=person, view=self._view)

    def _pass(self, source: AsyncGenerator[str, None]) -> None:
        if self._frames:
            self._frames.cancel()
        self._frames = asyncio.create_task(self._pass_on(source))

    async def _pass_on(self, source: AsyncGenerator[str, None]) -> None:
        try:
            async with aclosing(source) as frames:
                with suppress(OSError):  # the viewer went away; disconnect() comes next
                    async for text in frames:
                        # waits while this viewer's buffer is full; Channels' own send adds two calls to each
                        message: Any = {"type": "websocket.send", "text": text}
                        await self.base_send(message)
        except TooManyViews as why:
            self._view = PLAIN
            await self._complain(why, view=PLAIN.asked())
            await self._pass_on(self._source("", 0))

    async def _draw_figures(self) -> None:
        """The charts, made once a process; figures of the first seconds do not wait for them."""
        text = await asyncio.to_thread(figures_text)
        with suppress(OSError):  # as above
            await self.send(text)

    async def _check_session(self) -> None:
        """What let somebody in is read at connect only; whoever has lost it since is told to go."""
        code = await refusal_to_come(self._refusal, every=SESSION_CHECK_S)
        if self._frames:
            self._frames.cancel()
        await self.close(code, REASONS[code])

    async def _refusal(self) -> int | None:
        """The code that this socket is closed with, None where it may stay. Raises DatabaseError."""
        return await _refusal_of(session_key_of(self.scope))


def _refuse(session_key: str) -> int | None:
    user = find_caller(session_key)
    if not is_staff(user):
        return SIGNED_OUT
    return None if may_watch(user) else FORBIDDEN


_refusal_of = Together(_refuse)
_guests: set["GuestSocket"] = set()  # in this process


class GuestSocket(DashboardSocket):
    """One viewer by a share link: what is public of the live figures, and nothing else."""

    async def _refusal(self) -> int | None:
        token = self.scope["url_route"]["kwargs"]["token"]
        if await database_sync_to_async(find_link)(token, timezone.now()) is None:
            return ENDED
        if self not in _guests and len(_guests) >= MOST_GUESTS:
            return FULL
        _guests.add(self)
        return None

    async def _obey(self, command: Command) -> None:
        if not command.ask:
            raise Refused("a share link shows what is live only")
        await super()._obey(command)

    async def _choose(self, asked: Mapping[str, str]) -> None:
        """A guest sees the whole: which filters there are names what guests are not told of."""

    def _source(self, hub_id: str, seq: int) -> AsyncGenerator[str, None]:
        return _for_guests(the_hub().watch(hub_id=hub_id, seq=seq))

    async def disconnect(self, code: int) -> None:
        """The guest is gone."""
        _guests.discard(self)
        await super().disconnect(code)


async def _for_guests(source: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(source) as frames:
        async for text in frames:
            yield for_guests(text)
