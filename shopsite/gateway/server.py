"""Run the bank: uvicorn around app.py, the messenger beside it. `manage.py gateway` -> here."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn

from shopsite.gateway.app import Counter
from shopsite.gateway.bank import Timing
from shopsite.gateway.store import Store
from shopsite.gateway.webhooks import Messenger

KEEP_ALIVE_SECONDS = 75  # a shop keeps its connections
GRACEFUL_SECONDS = 2


@dataclass(frozen=True)
class Options:
    """Where it listens, what it knows of the shop, where it keeps its books."""

    host: str
    port: int
    store: Path
    key: str  # what the shop shows
    webhook_secret: str
    public_url: str = ""  # of the page on which shoppers confirm; by default where it listens
    timing: Timing = field(default_factory=Timing)


def serve(options: Options, on_tick: Callable[[], object] = lambda: None) -> None:
    """Serve until SIGTERM or Ctrl-C. on_tick: called every second, in a thread."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options, on_tick))


async def _serve(options: Options, on_tick: Callable[[], object]) -> None:
    store = Store(options.store)
    counter = Counter(
        store,
        key=options.key,
        public_url=options.public_url or f"http://{options.host}:{options.port}",
        timing=options.timing,
    )
    server = uvicorn.Server(
        uvicorn.Config(
            counter,
            host=options.host,
            port=options.port,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACEFUL_SECONDS,
        )
    )
    beside = [
        asyncio.create_task(Messenger(store, options.webhook_secret).run()),
        asyncio.create_task(_tick(on_tick)),
    ]
    try:
        await server.serve()
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        store.close()


async def _tick(on_tick: Callable[[], object]) -> None:
    while True:
        await asyncio.to_thread(on_tick)
        await asyncio.sleep(1)
