"""The usual way to send to many websockets: a Channels consumer in a group of channels_redis.

benchmarks/fanout.py serves this with uvicorn and publishes to the group. GROUP_SEND_REDIS is Redis's address.
"""

import os

from channels.generic.websocket import AsyncWebsocketConsumer
from channels_redis.core import RedisChannelLayer
from django.conf import settings

GROUP = "live"
HOST = {
    "address": os.environ["GROUP_SEND_REDIS"],
    "socket_timeout": None,  # else an idle socket would die after redis-py's five seconds
    "max_connections": 10_000,  # else all viewers that come at once find no connection
}
LAYER = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": [HOST]}}

if not settings.configured:
    settings.configure(CHANNEL_LAYERS={"default": LAYER})


class Viewer(AsyncWebsocketConsumer):
    """One viewer."""

    groups = [GROUP]

    async def frame(self, event: dict[str, str]) -> None:
        """Pass on what the group was sent."""
        await self.send(event["text"])


def layer() -> RedisChannelLayer:
    """The layer by which the benchmark sends to the group."""
    return RedisChannelLayer(**LAYER["CONFIG"])


application = Viewer.as_asgi()
