"""Chromium over the real server, on the test's own database, broker and Redis."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError, sync_playwright

from tests.support.gateway import Bank
from tests.support.site import site as site

# Playwright's synchronous API runs an event loop in this thread, which Django would take for async code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: once Playwright's loop runs in this thread, no asynchronous test can."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


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


@pytest.fixture(autouse=True)
def _with_bank(bank: Bank) -> None:
    """Orders that a browser places are charged by the run's bank."""


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

    def note_error(error: WebError) -> None:
        # Chromium gives up its own fade between two pages where a click follows at once: no fault of a script
        if not str(error.error).startswith("Transition was aborted"):
            browser_errors.append(str(error.error))

    context.on("console", note)
    context.on("weberror", note_error)
    yield context
    context.close()
    assert browser_errors == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty page of the test's profile."""
    return context.new_page()
