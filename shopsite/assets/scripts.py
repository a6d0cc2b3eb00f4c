"""Join a page's modules to one: a browser without HTTP/2 fetches six files at a time. -> finder.py

Each module becomes a function that returns what it exports, in the order in which a browser would run them.
Only what our modules use is understood: named imports and exports of constants and functions, no cycles.
"""

import posixpath
import re
from collections.abc import Callable
from typing import Final

IMPORT: Final = re.compile(r'^import \{ ([\w$, ]+) \} from "(\.[^"]+)";$', re.MULTILINE)
EXPORT: Final = re.compile(r"^export (?=(?:const|function|async function) ([\w$]+))", re.MULTILINE)
LEFT: Final = re.compile(r"^(?:import|export)\b.*|\bimport(?:\.meta|\().*", re.MULTILINE)


class CannotJoin(Exception):
    """The module says something that is not understood here."""


class _Modules:
    """What is joined so far."""

    def __init__(self, read: Callable[[str], str]) -> None:
        self._read = read
        self._exports: dict[str, list[str]] = {}  # by module, in the order in which they run
        self._begun: set[str] = set()
        self.parts: list[str] = []

    def add(self, name: str) -> None:
        """Add a module after those that it imports."""
        if name in self._exports:
            return
        if name in self._begun:
            raise CannotJoin(f"{name} is imported by what it imports")
        self._begun.add(name)
        text = self._read(name)
        for _, other in IMPORT.findall(text):
            self.add(_beside(name, other))
        exports = EXPORT.findall(text)
        body = EXPORT.sub("", IMPORT.sub(lambda found: self._constants(name, *found.groups()), text))
        if left := LEFT.search(body):
            raise CannotJoin(f"{name}: {left.group()}")
        self._exports[name] = exports
        told = f"return {{ {', '.join(exports)} }};\n" if exports else ""
        self.parts.append(f"// {name}\nconst {self._variable(name)} = (() => {{\n{body}{told}}})();\n")

    def _constants(self, name: str, names: str, other: str) -> str:
        """The line that stands for an import."""
        module = _beside(name, other)
        pairs = [part.split(" as ") for part in names.split(", ")]
        if unknown := {pair[0] for pair in pairs} - set(self._exports[module]):
            raise CannotJoin(f"{name} imports {', '.join(sorted(unknown))}, which {module} does not export")
        return f"const {{ {', '.join(': '.join(pair) for pair in pairs)} }} = {self._variable(module)};"

    def _variable(self, name: str) -> str:
        return f"m{list(self._exports).index(name)}"


def join_modules(entry: str, read: Callable[[str], str]) -> str:
    """One module that does what `entry` does. read: a static file's text by its name. Raises CannotJoin."""
    modules = _Modules(read)
    modules.add(entry)
    return "\n".join(modules.parts)


def _beside(name: str, other: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), other))
