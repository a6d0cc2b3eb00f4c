"""Chromium over the real server: uvicorn in a thread, on the test's own database, broker and Redis."""

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from asgiref.sync import sync_to_async
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.support import until

# Playwright's synchronous API runs an event loop in this thread, which Django would take for async code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; the test is skipped where it is missing, and fails under CI=true."""
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        reason = "Chromium is not installed: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def browser_errors() -> list[str]:
    """What the pages of this test wrote to the console as errors; must be empty at the test's end."""
    return []


@pytest.fixture
def context(chromium: Browser, site: str, browser_errors: list[str]) -> Iterator[BrowserContext]:
    """A browser profile of the test's own, with `site` as base address."""
    context = chromium.new_context(base_url=site, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(10_000)

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            browser_errors.append(f"{message.location.get('url')}: {message.text}")

    context.on("console", note)
    context.on("weberror", lambda error: browser_errors.append(str(error.error)))
    yield context
    context.close()
    assert browser_errors == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page of the test's profile."""
    return context.new_page()


class SiteThread(threading.Thread):
    """shopsite.asgi on a free port. It shares this process's settings, so fixtures apply to it too."""

    def __init__(self) -> None:
        super().__init__(name="site", daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(
            uvicorn.Config("shopsite.asgi:application", ws_per_message_deflate=False, log_level="warning")
        )

    @property
    def address(self) -> str:
        """Where the site answers."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def run(self) -> None:
        """Serve until `stop`."""
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        await self.server.serve(sockets=[self.listener])
        await sync_to_async(connections.close_all)()  # else the test database could not be dropped

    def stop(self) -> None:
        """End the server and wait for it."""
        self.server.should_exit = True
        self.join(timeout=10)


@pytest.fixture
def site(transactional_db: None, kafka: object, redis: object) -> Iterator[str]:
    """The address of the whole site, on the embedded Kafka and Redis."""
    thread = SiteThread()
    thread.start()
    until(lambda: thread.server.started, within=10)
    yield thread.address
    thread.stop()
