"""Join the sheets that a sheet imports to one. -> finder.py"""

import posixpath
import re
from collections.abc import Callable
from typing import Final

IMPORT: Final = re.compile(r'^@import "(\.[^"]+)";\n', re.MULTILINE)
ADDRESS: Final = re.compile(r'url\("(?!data:|#)([^"]+)"\)')


def join_sheets(entry: str, read: Callable[[str], str], address: Callable[[str], str]) -> str:
    """One sheet. read: a static file's text by its name; address: where a browser gets it."""
    folder = posixpath.dirname(entry)

    def beside(name: str) -> str:
        return posixpath.normpath(posixpath.join(folder, name))

    text = ADDRESS.sub(lambda found: f'url("{address(beside(found[1]))}")', read(entry))
    return IMPORT.sub(lambda found: join_sheets(beside(found[1]), read, address), text)
