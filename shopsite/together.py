"""Put to the database at once what many ask at the same time. dashboards/screen/sockets.py -> here.

Thousands of sockets of one process look after their sessions: a thread's turn and a database connection for
each of them cost more than the answers do (benchmarks/fanout.py).
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async

MOST = 50  # questions of one turn: others wait for the same thread

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")
Given = Callable[[asyncio.Future[Answer]], None]  # gives it to who waits: an answer, or its error


class Together(Generic[Key, Answer]):
    """A question that is asked by key, in a thread; who comes while it is busy waits for the next turn."""

    def __init__(self, ask: Callable[[Key], Answer]) -> None:
        """ask: answers one key, from the database."""
        self._ask = ask
        self._turns: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns[Key, Answer]] = WeakKeyDictionary()

    async def __call__(self, key: Key) -> Answer:
        """The answer, asked for after this call; one question serves all who ask it in one turn.

        Raises what `ask` raises.
        """
        loop = asyncio.get_running_loop()
        if loop not in self._turns:
            self._turns[loop] = _Turns(self._ask)
        return await self._turns[loop].answer(key)


class _Turns(Generic[Key, Answer]):
    """Those of one loop."""

    def __init__(self, ask: Callable[[Key], Answer]) -> None:
        self._ask = ask
        self._waiting: dict[Key, asyncio.Future[Answer]] = {}
        self._work: asyncio.Task[None] | None = None

    async def answer(self, key: Key) -> Answer:
        if key not in self._waiting:
            self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._work is None:
            self._work = asyncio.create_task(self._take_turns())
        return await asyncio.shield(self._waiting[key])  # who goes away takes the answer from nobody else

    async def _take_turns(self) -> None:
        try:
            while self._waiting:
                keys = list(self._waiting)[:MOST]
                turn = [self._waiting.pop(key) for key in keys]
                for waiting, answer in zip(turn, await self._answers(keys), strict=True):
                    answer(waiting)
        finally:
            self._work = None

    async def _answers(self, keys: Sequence[Key]) -> list[Given[Answer]]:
        try:
            return await database_sync_to_async(self._each)(keys)
        except Exception as error:  # of the connection, not of a question: it is everybody's
            return [partial(_fail, error)] * len(keys)

    def _each(self, keys: Sequence[Key]) -> list[Given[Answer]]:
        """In the thread."""
        return [self._one(key) for key in keys]

    def _one(self, key: Key) -> Given[Answer]:
        try:
            answer = self._ask(key)
        except Exception as error:  # one's own error is no other's
            return partial(_fail, error)
        return lambda waiting: waiting.set_result(answer)


def _fail(error: Exception, waiting: asyncio.Future[Answer]) -> None:
    waiting.set_exception(error)
    waiting.exception()  # so that nobody is told that it was not looked at, where the asker has gone
