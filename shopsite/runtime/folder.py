"""The local folder of a demo: its lock, its env file, the staff password. demo.py -> here -> .local/."""

import fcntl
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from shopsite.config import LOCAL_DIR
from shopsite.runtime.problems import CannotStart

ENV_FILE = LOCAL_DIR / "env"


def lock_folder(about: str) -> int:
    """Take the folder for this process; the returned descriptor holds the lock until the process ends.

    about: what a second demo is told of this one. Raises CannotStart where another one holds it.
    """
    LOCAL_DIR.mkdir(parents=True, exist_ok=True)
    path = LOCAL_DIR / "demo.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise CannotStart(
            f"A demo already runs in this folder ({path.read_text(encoding='utf-8').strip()}): use that one, "
            "stop it with Ctrl-C, or start this one elsewhere with SHOP_LOCAL_DIR=/another/folder."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, about.encode())
    return descriptor


def write_env(values: Mapping[str, str]) -> None:
    """Write `NAME=value` lines that every other command reads; only the owner may."""
    write_private(ENV_FILE, "".join(f"{name}={value}\n" for name, value in values.items()))


def remove_env() -> None:
    """The demo is over: its addresses answer no more."""
    ENV_FILE.unlink(missing_ok=True)


def staff_password() -> str:
    """The password of the staff user, made at the first start and kept."""
    path = LOCAL_DIR / "staff_password"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(9))
    return path.read_text(encoding="utf-8").strip()


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from the first moment on, in one step."""
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
