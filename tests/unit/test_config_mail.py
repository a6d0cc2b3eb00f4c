"""Variables of mail that can't work, or would show the password, are refused at the start by name."""

from typing import Any

import pytest

from shopsite.config import ConfigError, Reader, check_smtp

SOUND: dict[str, Any] = {
    "host": "smtp.example", "port": 587, "user": "shop", "password": "secret", "tls": "starttls",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"user": "", "password": "", "tls": "none", "port": 25},
        {"host": "localhost", "tls": "none", "port": 1025},
        {"host": "::1", "tls": "none", "port": 25},
        {"tls": "tls", "port": 465},
        {"host": "", "user": "", "password": "", "port": 465},
    ],
)
def test_what_can_work_is_taken(change: dict[str, Any]) -> None:
    check_smtp(**SOUND | change)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"password": ""}, "EMAIL_HOST_PASSWORD is missing"),
        ({"user": ""}, "EMAIL_HOST_USER is missing"),
        ({"tls": "none"}, "EMAIL_TLS='none'"),
        ({"port": 465}, "EMAIL_PORT=465"),
        ({"tls": "tls"}, "EMAIL_PORT=587"),
        ({"host": "smtp.example:587"}, "EMAIL_HOST='smtp.example:587'"),
        ({"host": "smtp://smtp.example"}, "EMAIL_HOST='smtp://smtp.example'"),
    ],
)
def test_what_cannot_work_is_refused_by_name_and_never_shows_the_password(
    change: dict[str, Any], names: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        check_smtp(**SOUND | change)
    assert names in str(refused.value)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["shop@shop.example", "Shop <orders@shop.example>", '"A, B" <a@b.example>'])
def test_a_sender_is_an_address_with_or_without_a_name(text: str) -> None:
    assert Reader({"FROM": text}).mailbox("FROM", "x@y") == text


@pytest.mark.parametrize("text", ["shop", "Shop <shop>", "@shop.example", "shop@", "a@b\nBcc: c@d"])
def test_a_sender_that_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigError, match="FROM="):
        Reader({"FROM": text}).mailbox("FROM", "x@y")
