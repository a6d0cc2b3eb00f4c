"""Whether a webhook is the gateway's own, and new enough. fulfilment.webhooks -> here. No database.

Signed as `t=<unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>">`; several v1 while a secret is changed.
"""

import hmac
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated

import msgspec

Short = Annotated[str, msgspec.Meta(max_length=100)]


class WrongSignature(Exception):
    """Not sent by the gateway, or changed on its way: refuse it."""


class TooOld(Exception):
    """Rightly signed, but at another time: perhaps recorded and sent again, so refuse it."""


class Unreadable(Exception):
    """Rightly signed, and not what a webhook looks like: the gateway speaks a newer language."""


class Notice(msgspec.Struct, frozen=True):
    """What a webhook says. Only that something happened is believed; the gateway is asked what."""

    id: Short
    kind: Annotated[str, msgspec.Meta(max_length=60)]
    payment: Annotated[str, msgspec.Meta(max_length=160)]  # the payment's key


def signed_at(header: str, body: bytes, *, secret: str) -> datetime:
    """When the gateway signed this body. Raises WrongSignature."""
    parts = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name.strip() == "t"]
    given = [value for name, _, value in parts if name.strip() == "v1"]
    if len(times) != 1 or not times[0].isdecimal() or len(times[0]) > 12 or not given:
        raise WrongSignature("The signature is missing or has another form.")
    wanted = hmac.new(secret.encode(), times[0].encode() + b"." + body, sha256).hexdigest()
    if not any(hmac.compare_digest(wanted.encode(), one.strip().encode()) for one in given):
        raise WrongSignature("The signature is not of this body and our secret.")
    return datetime.fromtimestamp(int(times[0]), UTC)


def check_age(signed: datetime, *, now: datetime, tolerance: timedelta) -> None:
    """Raise TooOld unless it was signed about now."""
    if abs(now - signed) > tolerance:
        raise TooOld(f"Signed at {signed:%Y-%m-%d %H:%M:%S} UTC, more than {tolerance.seconds} s from now.")


def read(body: bytes) -> Notice:
    """What a webhook of the simulated gateway says. Raises Unreadable."""
    try:
        return msgspec.json.decode(body, type=Notice)
    except msgspec.MsgspecError as error:
        raise Unreadable(str(error)) from error
