"""Bounded readers of the environment. The environment, then .local/env -> here -> settings.py.

Every variable is read once, when the settings load; a bad one stops the start with its name.
"""

import os
from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
LOOPBACK = ("localhost", "127.0.0.1", "::1")
SWAPPED_PORTS = {  # either waits for the other to speak first, until the timeout
    ("starttls", 465): "465 is TLS from the first byte, so need tls",
    ("tls", 587): "587 begins in the clear, so need starttls",
    ("tls", 25): "25 begins in the clear, so need starttls",
}


class ConfigError(Exception):
    """A setting is missing or out of bounds: mend the named variable and start again."""


def read_env_file(path: Path) -> dict[str, str]:
    """The `NAME=value` lines of a file, {} where there is none; `#` starts a comment line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}


class Reader:
    """Reads typed values from a mapping of strings, first one that has the name."""

    def __init__(self, *sources: Mapping[str, str]) -> None:
        self._sources = sources

    def text(self, name: str, default: str) -> str:
        """The variable as it stands; an empty one counts as absent."""
        for source in self._sources:
            if value := source.get(name, "").strip():
                return value
        return default

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from low to high. Raises ConfigError otherwise."""
        text = self.text(name, str(default))
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ConfigError(f"{name}={text!r}: need a whole number from {low} to {high}")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """A yes or no: 1, 0, true, false, yes, no, on, off. Raises ConfigError otherwise."""
        text = self.text(name, "1" if default else "0").lower()
        if text in ("1", "true", "yes", "on"):
            return True
        if text in ("0", "false", "no", "off"):
            return False
        raise ConfigError(f"{name}={text!r}: need one of 1, 0, true, false, yes, no, on, off")

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        """One of the allowed words. Raises ConfigError otherwise."""
        text = self.text(name, default)
        if text not in allowed:
            raise ConfigError(f"{name}={text!r}: need one of {', '.join(allowed)}")
        return text

    def mailbox(self, name: str, default: str) -> str:
        """An address, alone or as `Name <address>`. Raises ConfigError otherwise."""
        text = self.text(name, default)
        user, at, host = parseaddr(text)[1].rpartition("@")
        if not (user and at and host) or any(mark in text for mark in "\r\n") or " " in user + host:
            raise ConfigError(f"{name}={text!r}: need an address, such as Shop <orders@shop.example>")
        return text

    def items(self, name: str, default: str) -> list[str]:
        """The parts of a comma-separated list, without empty ones."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]


def check_smtp(*, host: str, port: int, user: str, password: str, tls: str) -> None:
    """Refuse what can't work, or would show the password. Raises ConfigError."""
    if "/" in host or host.count(":") == 1:  # an IPv6 address has more
        raise ConfigError(f"EMAIL_HOST={host!r}: need the name alone; the port is EMAIL_PORT")
    if bool(user) != bool(password):
        missing, given = ("PASSWORD", "USER") if user else ("USER", "PASSWORD")
        raise ConfigError(f"EMAIL_HOST_{missing} is missing: need it beside EMAIL_HOST_{given}, or neither")
    if host and user and tls == "none" and host not in LOOPBACK:
        raise ConfigError("EMAIL_TLS='none' would show EMAIL_HOST_PASSWORD to all: need starttls or tls")
    if host and (tls, port) in SWAPPED_PORTS:
        raise ConfigError(f"EMAIL_PORT={port} does not speak EMAIL_TLS={tls!r}: {SWAPPED_PORTS[tls, port]}")


def check_stripe(*, key: str, webhook_secret: str) -> None:
    """Refuse what Stripe would refuse at the first order. Raises ConfigError; it never shows the secrets."""
    if not key.startswith(("sk_", "rk_")):
        raise ConfigError("GATEWAY_KEY: PAYMENT_GATEWAY=stripe needs Stripe's secret key, sk_... or rk_...")
    if not webhook_secret.startswith("whsec_"):
        raise ConfigError("WEBHOOK_SECRET: PAYMENT_GATEWAY=stripe needs that of Stripe's endpoint, whsec_...")


LOCAL_DIR = Path(os.environ.get("SHOP_LOCAL_DIR") or BASE_DIR / ".local")
env = Reader(os.environ, read_env_file(LOCAL_DIR / "env"))
