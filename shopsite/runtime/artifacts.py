"""Kafka's jars: kafka.lock -> Maven repository -> the cache, each checked by its sha256 -> kafka.py.

jgo's own downloader checks no sha256 and leaves half a file behind when it is killed, so the
locked artifacts are fetched here, one by one, with jgo's knowledge of where they live.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from jgo.constants import MAVEN_CENTRAL_URL
from jgo.util import http

from shopsite.config import LOCAL_DIR
from shopsite.runtime.problems import CannotStart

LOCK = Path(__file__).with_name("kafka.lock")
THREADS = 8
TIMEOUT_SECONDS = 30
ATTEMPTS = 3
JARS = "jars"  # the kind of files that cache_dir keeps for us


@dataclass(frozen=True)
class Jar:
    """One line of the lock: `group:artifact:version sha256`."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def filename(self) -> str:
        """The name that Maven gives the file."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def address(self) -> str:
        """Where the file is in any Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"


def read_lock(path: Path = LOCK) -> list[Jar]:
    """The locked jars, in the order of the class path."""
    jars = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            coordinates, sha256 = line.split()
            group, artifact, version = coordinates.split(":")
            jars.append(Jar(group, artifact, version, sha256))
    return jars


def cache_dir(kind: str) -> Path:
    """Where files of a kind are kept for every checkout: SHOP_CACHE_DIR, the user's cache, else our folder.

    Raises CannotStart where none can be written.
    """
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    wanted = Path(os.environ.get("SHOP_CACHE_DIR") or Path(home) / "shopsite")
    for folder in (wanted / kind, LOCAL_DIR / "cache" / kind):
        with contextlib.suppress(OSError):  # a read-only home: the next place is ours
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    raise CannotStart(f"No folder can be written to keep {kind}: set SHOP_CACHE_DIR or free {LOCAL_DIR}.")


def is_whole(path: Path, jar: Jar) -> bool:
    """Whether the file is there and has the locked sha256."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except FileNotFoundError:
        return False


def missing_jars(folder: Path) -> list[Jar]:
    """The locked jars that a start would have to fetch."""
    return [jar for jar in read_lock() if not is_whole(folder / jar.filename, jar)]


def fetch_jars(on_missing: Callable[[int], None] = lambda _count: None) -> list[Path]:
    """The paths of all jars; those that are not in the cache are fetched first.

    on_missing is told how many have to be fetched, before the first of them.
    Raises CannotStart without a network, or when a file is not what the lock says.
    """
    folder = cache_dir(JARS)
    if missing := missing_jars(folder):
        on_missing(len(missing))
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda jar: _fetch(jar, folder / jar.filename), missing))
    return [folder / jar.filename for jar in read_lock()]


def _fetch(jar: Jar, path: Path) -> None:
    """Fetch one jar beside its place, check it, and move it there in one step."""
    repository = os.environ.get("MAVEN_REPOSITORY") or MAVEN_CENTRAL_URL
    try:
        content = _download(f"{repository.rstrip('/')}/{jar.address}")
        if hashlib.sha256(content).hexdigest() != jar.sha256:
            raise CannotStart(
                f"{jar.filename} from {repository} is not the file that {LOCK.name} names (sha256): "
                "something between here and there alters it. Set MAVEN_REPOSITORY to another repository."
            )
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(path)
    except OSError as error:  # requests' exceptions are OSErrors too
        raise CannotStart(
            f"Kafka's jars cannot be fetched from {repository} ({_reason(error)}). The first start needs a "
            "network, a later one does not: connect and start again, or set MAVEN_REPOSITORY to a mirror."
        ) from error


def _download(url: str) -> bytes:
    """The bytes behind an address, tried a few times. Raises OSError."""
    for attempt in range(ATTEMPTS):
        try:
            response = http.get(url, timeout=TIMEOUT_SECONDS)
            response.raise_for_status()
            return bytes(response.content)
        except OSError:
            if attempt == ATTEMPTS - 1:
                raise
    raise AssertionError("unreachable")


def _reason(error: OSError) -> str:
    """The innermost cause, in one line; the outer ones repeat the address several times."""
    cause: BaseException = error
    while (inner := getattr(cause, "reason", None) or cause.__cause__ or cause.__context__) and isinstance(
        inner, BaseException
    ):
        cause = inner
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__
