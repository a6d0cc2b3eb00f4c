"""joined/X is the static file X with all that it imports. settings.py -> here -> runtime/static_files.py

Where a page names X itself, a browser fetches one file after another and does the same.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage
from django.core.files.storage import FileSystemStorage, Storage
from django.templatetags.static import static

from shopsite.assets.scripts import join_modules
from shopsite.assets.styles import join_sheets
from shopsite.config import LOCAL_DIR

PREFIX: Final = "joined/"


class JoinedFinder(finders.BaseFinder):
    """Makes each joined file when it is looked for, in the local folder."""

    storage: Final = FileSystemStorage(location=LOCAL_DIR)

    def check(self, **_kwargs: Any) -> list[CheckMessage]:
        """Nothing that could be wrong is known before a file is joined."""
        return []

    def find(self, path: str, find_all: bool = False, **_kwargs: Any) -> Any:  # noqa: ANN401
        """Where the file lies; [] where it is none of ours."""
        if not path.startswith(PREFIX) or (entry := path.removeprefix(PREFIX)) not in settings.JOINED_FILES:
            return []
        made = LOCAL_DIR / path
        write_whole(made, _joined(entry).encode())
        return [str(made)] if find_all else str(made)

    def list(self, ignore_patterns: Iterable[str] | None) -> Iterator[tuple[str, Storage]]:  # noqa: ARG002
        """All of ours."""
        for entry in settings.JOINED_FILES:
            self.find(PREFIX + entry)
            yield PREFIX + entry, self.storage


def _joined(entry: str) -> str:
    if entry.endswith(".css"):
        return join_sheets(entry, _read, static)
    return join_modules(entry, _read)


def _read(name: str) -> str:
    path = finders.find(name)
    if path is None:
        raise FileNotFoundError(f"{name} is imported, and no static file")
    return Path(path).read_text(encoding="utf-8")


def version(name: str) -> str:
    """A word that stands for what is in a static file, "" where there is none."""
    return _version(name) if settings.DEBUG else _version_once(name)


def _version(name: str) -> str:
    path = finders.find(name)
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12] if path else ""


_version_once = cache(_version)


def write_whole(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: several processes may start at once."""
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}")
    part.write_bytes(data)
    part.replace(path)
