"""Lists in parts: where the next part begins, as a text that means nothing to others. endpoints -> here."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Final, TypeVar

import msgspec

from shopsite.api.http import invalid

MOST: Final = 200
Place = TypeVar("Place")

Limit = Annotated[int, msgspec.Meta(ge=1, le=MOST, description="Most items in the answer.")]
Cursor = Annotated[
    str,
    msgspec.Meta(max_length=1000, description="`next` of the answer before; without it the list begins."),
]


def cursor(place: object) -> str:
    """The place after which the next part begins."""
    return urlsafe_b64encode(msgspec.json.encode(place)).decode().rstrip("=")


def place_of(text: str, type_: type[Place]) -> Place | None:
    """The place that a cursor stands for; None without one. Raises Problem where it is not ours."""
    if not text:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=type_)
    except (ValueError, msgspec.DecodeError):
        raise invalid("cursor", "give `next` of the answer before as it stands") from None
