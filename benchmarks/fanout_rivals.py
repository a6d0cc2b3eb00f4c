"""What others bring a frame to many viewers with. -> fanout.py"""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from fanout_run import Load, Viewers
from support import ROOT, free_port

PEERS = ROOT / "benchmarks" / "peers"
CENTRIFUGO = PEERS / "centrifugo" / "centrifugo"
SIZE = 4_000  # bytes of a message; of ours they are told beside it


class GroupSend:
    """channels_redis: every viewer is a member of a group."""

    name = "group_send"

    def __init__(self, stack: ExitStack) -> None:
        from django.conf import settings

        port = free_port()
        env = os.environ | {"GROUP_SEND_REDIS": settings.REDIS_URL}
        os.environ["GROUP_SEND_REDIS"] = settings.REDIS_URL
        command = [
            sys.executable, "-m", "uvicorn", "group_send:application", "--app-dir", str(PEERS),
            "--port", str(port), "--ws-per-message-deflate", "false", "--log-level", "warning",
            "--lifespan", "off",
        ]  # fmt: skip
        env.pop("DJANGO_SETTINGS_MODULE", None)
        self.server = stack.enter_context(_running(command, port, env))
        self._url = f"ws://127.0.0.1:{port}/"
        sys.path.insert(0, str(PEERS))
        from group_send import GROUP, layer  # type: ignore[import-not-found]  # a script beside this one

        self._group, self._layer = GROUP, layer
        self._loop = asyncio.new_event_loop()
        stack.callback(self._loop.close)

    def viewers(self, load: Load) -> Viewers:
        """Members of the group."""
        return Viewers(self._url, load, headers={}, hello=[], numbered=False)

    def publish(self) -> float:
        """One message to the group; when it was handed over."""
        at = _stamp()
        self._loop.run_until_complete(self._send(_message(at)))
        return at

    async def _send(self, text: str) -> None:
        layer = self._layer()
        await layer.group_send(self._group, {"type": "frame", "text": text})
        await layer.close_pools()


class Centrifugo:
    """A server written for this, in Go, with its memory engine."""

    name = "Centrifugo"

    def __init__(self, stack: ExitStack) -> None:
        import httpx

        port, key = free_port(), secrets.token_hex(16)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shopsite-centrifugo-")))
        settings = {
            "http_server": {"address": "127.0.0.1", "port": str(port)},
            "http_api": {"key": key},
            "client": {"insecure": True, "allowed_origins": ["*"]},
            "log": {"level": "error"},
        }
        (folder / "config.json").write_text(json.dumps(settings))
        command = [str(CENTRIFUGO), "--config", str(folder / "config.json")]
        self.server = stack.enter_context(_running(command, port, dict(os.environ)))
        self._url = f"ws://127.0.0.1:{port}/connection/websocket"
        self._api = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}/api", headers={"X-API-Key": key})
        )

    def viewers(self, load: Load) -> Viewers:
        """Anonymous subscribers of one channel."""
        hello = ['{"id":1,"connect":{}}', '{"id":2,"subscribe":{"channel":"live"}}']
        return Viewers(self._url, load, headers={}, hello=hello, numbered=False)

    def publish(self) -> float:
        """One message to the channel; when it was handed over."""
        at = _stamp()
        answer = self._api.post("/publish", json={"channel": "live", "data": json.loads(_message(at))})
        answer.raise_for_status()
        if "error" in answer.json():
            sys.exit(f"Centrifugo refused: {answer.text}")
        return at


def _stamp() -> float:
    """Now, as exact as a message tells it."""
    return round(time.time(), 6)


def _message(at: float) -> str:
    head = f'{{"at":{at:.6f},"pad":"'
    return f'{head}{"x" * (SIZE - len(head) - 2)}"}}'


@contextmanager
def _running(command: list[str], port: int, env: dict[str, str]) -> Iterator[psutil.Process]:
    """A server process that answers on its port, until the block ends."""
    import socket

    process = subprocess.Popen(command, cwd=ROOT, env=env)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit(f"{command[0]} did not start: its error stands above.")
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)
