"""Bounded readers of the environment. The environment, then .local/env -> here -> settings.py.

Every variable is read once, when the settings load; a bad one stops the start with its name.
"""

import os
from collections.abc import Mapping
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent


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

    def items(self, name: str, default: str) -> list[str]:
        """The parts of a comma-separated list, without empty ones."""
        return [part.strip() for part in self.text(name, default).split(",") if part.strip()]


LOCAL_DIR = Path(os.environ.get("SHOP_LOCAL_DIR") or BASE_DIR / ".local")
env = Reader(os.environ, read_env_file(LOCAL_DIR / "env"))
