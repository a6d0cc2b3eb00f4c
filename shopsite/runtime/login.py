"""The demo's login link that works once: demo.py makes it -> the banner -> views.login_once spends it."""

import secrets
from pathlib import Path

from django.core import signing

from shopsite.config import LOCAL_DIR

SALT = "shopsite.runtime.login"
MAX_AGE_SECONDS = 12 * 3600


class LinkSpent(Exception):
    """The link was used, is too old or is not ours: log in with the password."""


def make_token(username: str) -> str:
    """A signed token for the user; the file that it names stands for its being unused."""
    name = secrets.token_hex(8)
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / name).touch(mode=0o600)
    return signing.dumps({"user": username, "file": name}, salt=SALT)


def spend_token(token: str) -> str:
    """The username of a token that is valid and unused. Raises LinkSpent for any other.

    Removing the file succeeds once, however many ask at the same moment.
    """
    try:
        content = signing.loads(token, salt=SALT, max_age=MAX_AGE_SECONDS)
        (_folder() / str(content["file"])).unlink()
    except (signing.BadSignature, FileNotFoundError) as error:
        raise LinkSpent from error
    return str(content["user"])


def forget_tokens() -> None:
    """The demo is over: links that nobody used work no more."""
    for path in _folder().glob("*"):
        path.unlink(missing_ok=True)


def _folder() -> Path:
    return LOCAL_DIR / "login"
