"""The demo's login link that works once: demo.py makes it -> the banner -> views.login_once spends it.

The link's token is random; what is kept is a file under the token's sha256, readable by its owner only.
"""

import hashlib
import secrets
import time
from pathlib import Path

from shopsite.config import LOCAL_DIR
from shopsite.runtime.folder import write_private

MAX_AGE_SECONDS = 12 * 3600


class LinkSpent(Exception):
    """The link was used, is too old or is not ours: log in with the password."""


def make_token(username: str) -> str:
    """A token that logs the user in once."""
    token = secrets.token_urlsafe(16)
    path = _path(token)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, username)
    return token


def spend_token(token: str) -> str:
    """The username of a token that is valid and unused. Raises LinkSpent for any other."""
    path = _path(token)
    mine = path.with_suffix(f".{secrets.token_hex(4)}")
    try:
        path.rename(mine)  # succeeds once, however many ask at the same moment
    except FileNotFoundError:
        raise LinkSpent from None
    age = time.time() - mine.stat().st_mtime
    username = mine.read_text(encoding="utf-8")
    mine.unlink()
    if age > MAX_AGE_SECONDS:
        raise LinkSpent
    return username


def forget_tokens() -> None:
    """The demo is over: links that nobody used work no more."""
    for path in (LOCAL_DIR / "login").glob("*"):
        path.unlink(missing_ok=True)


def _path(token: str) -> Path:
    return LOCAL_DIR / "login" / hashlib.sha256(token.encode()).hexdigest()
