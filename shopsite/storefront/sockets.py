"""The websocket of an order's page: tells that the order changed. order_watch.py -> here -> order.js."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from orders.models import Order
from shopsite.callers import caller_of, refusal_to_come
from shopsite.storefront.access import may_see
from shopsite.storefront.order_watch import Watcher, the_watch
from shopsite.storefront.tracking import page_version
from shopsite.storefront.visitors import Visitor, read_visitor

SESSION_CHECK_S = 60.0
HIDDEN = 4404  # close code: as HTTP's 404, which the page itself would be
REASON = "This order is not yours to see, or you have logged out."


class OrderSocket(AsyncWebsocketConsumer):
    """One open page of one order."""

    _tasks: tuple[asyncio.Task[None], ...] = ()

    async def connect(self) -> None:
        """Accept first: a browser is told the reason of a close only after that."""
        await self.accept()
        self._spawn(self._follow(self.scope["url_route"]["kwargs"]["order_id"]))

    async def disconnect(self, code: int) -> None:  # noqa: ARG002  Channels names it
        """The page is gone."""
        for task in self._tasks:
            task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks = (*self._tasks, asyncio.create_task(work))

    async def _follow(self, order_id: str) -> None:
        """The page's version first, by which it sees what it missed; then each change, by number."""
        with the_watch().watching(order_id) as watcher:
            version = await self._version(order_id)
            if version is None:
                await self.close(HIDDEN, REASON)
                return
            self._spawn(self._check_session(order_id))
            await self._tell(version=version)
            await self._pass_on(watcher)

    async def _pass_on(self, watcher: Watcher) -> None:
        changes = 0
        while True:
            is_live = await watcher.news()
            changes += 1
            await self._tell(changed=changes, live=is_live)

    async def _tell(self, **news: object) -> None:
        with suppress(OSError):  # the page went away; disconnect() comes next
            await self.send(msgspec.json.encode(news).decode())

    async def _version(self, order_id: str) -> str | None:
        """What the order's page would say now; None where this browser may not see it."""
        user, visitor = await caller_of(self.scope), read_visitor(self.scope["cookies"])
        return await database_sync_to_async(_version_for)(order_id, user, visitor)

    async def _check_session(self, order_id: str) -> None:
        """A session is read at connect only; whoever logged out since is told to go."""

        async def refusal() -> int | None:
            return HIDDEN if await self._version(order_id) is None else None

        await self.close(await refusal_to_come(refusal, every=SESSION_CHECK_S), REASON)


def _version_for(order_id: str, user: object, visitor: Visitor) -> str | None:
    order = Order.objects.filter(pk=order_id).first()
    if order is None or not may_see(order, user=user, visitor=visitor):
        return None
    return page_version(order)
