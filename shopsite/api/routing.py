"""What an address of the API is. routes.py lists them; endpoints, dispatch.py, openapi.py -> here."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import unquote

import msgspec

ROOT: Final = "/api/v1"


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address without parameters."""


@dataclass(frozen=True)
class Route:
    """One address. Reads only: GET, and HEAD and OPTIONS as they follow."""

    path: str  # below ROOT; {name} takes whatever stands there, slashes included
    handler: Callable[..., msgspec.Struct]  # (query, **ids of the path) -> a struct; raises Problem
    answer: type[msgspec.Struct]
    scope: str  # what a key must be allowed to read
    query: type[msgspec.Struct] = NoQuery
    table: bool = False  # figures: to be had as CSV and JSON Lines, too

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What matches the address as it was sent."""
        return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(ROOT + self.path)))

    @property
    def id_names(self) -> list[str]:
        """The names of the ids in the path."""
        return re.findall(r"\{(\w+)\}", self.path)

    def ids(self, path: str) -> dict[str, str] | None:
        """The ids in a path, decoded; None where it is another address."""
        found = self.pattern.fullmatch(path)
        return {name: unquote(text) for name, text in found.groupdict().items()} if found else None
