"""Words and links that pages of the admin share. */admin.py -> here."""

from collections.abc import Sequence
from datetime import datetime

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime


def link(address: str, text: str) -> SafeString:
    """A link in a list or form; both are escaped."""
    return format_html('<a href="{}">{}</a>', address, text)


def moment(at: datetime) -> str:
    """A time to the second, on the shop's clock."""
    return f"{localtime(at):%Y-%m-%d %H:%M:%S}"


def told(done: Sequence[str], refused: Sequence[str], what: str, limit: int = 20) -> list[tuple[bool, str]]:
    """(went well, sentence) for each thing to say about an action on several rows."""
    said = [(True, f"{len(done)} {what}: {', '.join(done[:limit])}{' ...' if len(done) > limit else ''}.")]
    said = said if done else []
    said += [(False, reason) for reason in refused[:limit]]
    if len(refused) > limit:
        said.append((False, f"{len(refused) - limit} more were refused."))
    return said
