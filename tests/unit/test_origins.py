"""Which pages may open a websocket."""

import pytest
from pytest_django.fixtures import Settings

from dashboards.screen.origins import is_own_page


def socket(origin: str | None, *, host: str = "shop.example:8000", scheme: str = "ws") -> dict[str, object]:
    headers = [(b"host", host.encode())]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    return {"type": "websocket", "scheme": scheme, "headers": headers}


@pytest.fixture(autouse=True)
def hosts(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["shop.example"]
    settings.SHOP_ORIGIN = "https://www.shop.example"
    settings.CSRF_TRUSTED_ORIGINS = ["https://desk.example"]


@pytest.mark.parametrize(
    "origin", ["http://shop.example:8000", "https://www.shop.example", "https://desk.example"]
)
def test_our_own_pages_may_open_a_socket(origin: str) -> None:
    assert is_own_page(socket(origin))


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "http://evil.example",
        "http://shop.example:9000",  # another server on the same machine
        "https://shop.example:8000",  # the same name by another scheme
        "http://desk.example",
    ],
)
def test_other_pages_may_not(origin: str | None) -> None:
    assert not is_own_page(socket(origin))


def test_a_host_that_is_not_ours_vouches_for_nothing() -> None:
    assert not is_own_page(socket("http://evil.example", host="evil.example"))


def test_behind_tls_the_page_is_https() -> None:
    assert is_own_page(socket("https://shop.example", host="shop.example", scheme="wss"))
    assert not is_own_page(socket("http://shop.example", host="shop.example", scheme="wss"))
